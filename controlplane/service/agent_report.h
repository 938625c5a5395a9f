// What an agent on a real server says, in the words of HAProxy's agent-check. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lb::health {

// A line need not say everything: what it leaves out stays as it was.
struct AgentReport {
  std::optional<std::uint8_t> percent;  // of the configured weight
  std::optional<bool> drain;            // no new connections
  std::optional<bool> maint;            // in maintenance: out, whatever the check says
  std::optional<bool> down;
  bool operator==(const AgentReport&) const = default;
};

// "75%", "drain", "maint", "ready", "up", "down", "failed" and "stopped", separated by blanks or
// commas; what follows '#' is a remark. nullopt: something else stands there.
std::optional<AgentReport> parse_agent_line(std::string_view line);

// All that was said so far.
struct AgentState {
  std::uint8_t percent = 100;
  bool drain = false;
  bool maint = false;
  bool down = false;

  void apply(const AgentReport& word);
  bool out() const { return maint || down; }
  // Of a server with this weight; no server loses all of it by rounding.
  std::uint16_t weight(std::uint16_t configured) const;
};

}  // namespace lb::health
