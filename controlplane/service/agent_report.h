// What an agent on a real server reports, in the format of HAProxy's agent-check. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lb::health {

// What a line omits stays as it was.
struct AgentReport {
  std::optional<std::uint32_t> percent;          // of the configured weight
  std::optional<std::uint32_t> max_connections;  // 0: as configured
  std::optional<bool> drain;                     // no new connections
  std::optional<bool> maint;  // in maintenance: out of service, whatever the check says
  std::optional<bool> down;
  bool operator==(const AgentReport&) const = default;
};

// One line of words, in any case, separated by blanks or commas: "75%", "maxconn:30"; "ready",
// "drain" or "maint"; "up", "down", "fail", "failed" or "stopped". Other words are skipped; of those
// that contradict each other the last one counts; numbers that are too large count as the largest.
// What follows '#' is a description. nullopt: no word of these.
std::optional<AgentReport> parse_agent_line(std::string_view line);

// All reports so far.
struct AgentState {
  std::uint32_t percent = 100;
  std::uint32_t max_connections = 0;  // 0: as configured
  bool drain = false;
  bool maint = false;
  bool down = false;
  bool operator==(const AgentState&) const = default;

  void apply(const AgentReport& report);
  bool out() const { return maint || down; }
  // The weight of a server with `configured`; never rounded down to 0.
  std::uint16_t weight(std::uint16_t configured) const;
};

}  // namespace lb::health
