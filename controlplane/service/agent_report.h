// What an agent on a real server reports, in the format of HAProxy's agent-check. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lb::health {

// What a line omits stays as it was.
struct AgentReport {
  std::optional<std::uint8_t> percent;  // of the configured weight
  std::optional<bool> drain;            // no new connections
  std::optional<bool> maint;            // in maintenance: out of service, whatever the check says
  std::optional<bool> down;
  bool operator==(const AgentReport&) const = default;
};

// "75%", "drain", "maint", "ready", "up", "down", "failed" and "stopped", separated by blanks or
// commas; what follows '#' is a comment. nullopt: anything else.
std::optional<AgentReport> parse_agent_line(std::string_view line);

// All reports so far.
struct AgentState {
  std::uint8_t percent = 100;
  bool drain = false;
  bool maint = false;
  bool down = false;

  void apply(const AgentReport& word);
  bool out() const { return maint || down; }
  // The weight of a server with `configured`; never rounded down to 0.
  std::uint16_t weight(std::uint16_t configured) const;
};

}  // namespace lb::health
