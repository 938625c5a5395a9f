// An event: one transition that operators are alerted of. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lb::controlplane::alert {

// In ascending order for the subject of a mail.
enum class Severity : std::uint8_t { kGood, kNotice, kBad, kCritical };
std::string_view to_text(Severity severity);  // "good"

struct Event {
  std::chrono::system_clock::time_point at{};
  Severity severity = Severity::kNotice;
  // "server", "service", "quorum", "ha", "vrrp", "resource", "sync", "dataplane", "panic", "punt", "table",
  // "syn_proxy", "next_hop", "test"
  std::string kind{};
  // Of the service, the HA instance or the resource, or port and class, or the next hop's address; empty: there is
  // one of the kind only.
  std::string name{};
  std::string server{};  // "10.0.0.11:80", of kind "server"
  std::string from{};    // the state before, of kind "ha"
  std::string state{};   // "up", "down", "MASTER"
  std::string reason{};
};

// "web: real server 10.0.0.11:80 down", without the reason.
std::string headline(const Event& event);
// "2026-11-21T12:00:00.123Z".
std::string time_text(std::chrono::system_clock::time_point at);

// The arguments of a script behind its own: EVENT NAME SERVER STATE.
std::vector<std::string> arguments_of(const Event& event);
// And its environment; every event sets every variable.
std::vector<std::string> environment_of(const Event& event, const std::string& director);

// One line, without line end, that decode() reads back. nullopt: it is incomplete.
std::string encode(const Event& event);
std::optional<Event> decode(std::string_view line);

// Text that can stand in a line of a log, a header or a mail: no control characters, valid UTF-8,
// not endless.
std::string clean(std::string_view text);

}  // namespace lb::controlplane::alert
