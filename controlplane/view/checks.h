// Health checks: each distinct check once, with all real servers that want its answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lb::api::control {
class Status;
}

namespace lb::view {

struct CheckTargetRow {
  std::string service;
  std::string address;
  std::uint32_t port = 0;
  bool up = false;
  bool held = false;
  std::uint64_t since_ms = 0;
  std::uint32_t transitions = 0;
  std::uint64_t up_ms = 0;
  std::uint64_t known_ms = 0;
};

struct CheckRow {
  std::string address;  // who is asked
  std::uint32_t port = 0;
  std::string check;
  std::string state;
  std::optional<std::uint64_t> last_ms;
  std::optional<std::uint64_t> next_ms;
  bool running = false;
  std::string last_result;
  std::vector<CheckTargetRow> targets;

  // The one that changed last; null: there is none.
  const CheckTargetRow* latest() const;
};

// Of a panic guard that holds servers in service.
struct PanicHold {
  std::uint64_t since_ms = 0;
  std::uint64_t failing = 0;
  std::uint64_t all = 0;
  std::optional<std::string> peer;
};

struct PanicGuard {
  std::uint32_t threshold = 0;
  std::uint64_t times = 0;
  bool holds = false;
  std::optional<PanicHold> hold;
};

// `show check`
struct Checks {
  std::optional<PanicGuard> panic;  // none: none is configured
  std::vector<CheckRow> checks;
};

Checks checks_of(const api::control::Status& status);

}  // namespace lb::view
