// Alerts by script and mail: queues and errors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lb::api::control {
class AlertStatus;
}

namespace lb::view {

struct AlertScript {
  std::string program;
  std::uint64_t queue = 0;
  std::uint64_t good = 0;
  std::uint64_t bad = 0;
  std::string last_error;
};

struct AlertMail {
  std::string server;
  std::vector<std::string> to;
  std::uint64_t events = 0;
  std::uint64_t queue = 0;
  std::uint64_t sent = 0;
  std::uint64_t tries_failed = 0;
  std::uint64_t refused = 0;
  std::uint64_t dropped = 0;
  std::uint64_t last_sent_unix_ms = 0;   // 0: never
  std::uint64_t last_error_unix_ms = 0;  // 0: never
  std::string last_error;
  std::string disk_error;  // why the queue is in memory only; empty: it is on disk
};

// `show alert`
struct Alerts {
  std::uint64_t events = 0;
  std::optional<AlertScript> script;  // none: none is configured
  std::optional<AlertMail> mail;      // none: none is configured
};

Alerts alerts_of(const api::control::AlertStatus& status);

}  // namespace lb::view
