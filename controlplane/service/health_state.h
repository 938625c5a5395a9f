// What the health checks know of a real server. Plain values; the Checker writes them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "controlplane/service/agent_report.h"

namespace lb::health {

struct State {
  using Clock = std::chrono::steady_clock;

  std::uint64_t question = 0;    // number of the check, which others may share
  bool passes = false;           // its check passes
  bool up = false;               // and its agent does not take it down
  std::string last_result;       // "L7OK/200 in 2ms"; empty: none yet
  Clock::time_point since;       // in this state
  std::uint32_t rise_count = 0;  // consecutive good results
  std::uint32_t fall_count = 0;  // consecutive bad results
  AgentState agent;
  std::string agent_result;             // empty: none yet, or there is no agent
  std::optional<std::uint16_t> weight;  // by a script with dynamic_weight
  std::uint32_t transitions = 0;
  Clock::time_point known_since;
  Clock::duration up_time_before{};  // from known_since to since

  // Down, and nothing is known of it yet.
  bool unchecked() const { return !up && last_result.empty(); }
  Clock::duration up_time(Clock::time_point now) const {
    return up_time_before + (up ? now - since : Clock::duration{});
  }
  // The weight of a server with `configured`.
  std::uint16_t weight_of(std::uint16_t configured) const {
    return agent.weight(weight.value_or(configured));
  }
};

// What an earlier process saved about a target.
struct SavedState {
  std::chrono::steady_clock::time_point written;
  bool up = false;
  std::chrono::steady_clock::time_point since;
  std::chrono::steady_clock::time_point known_since;
  std::chrono::steady_clock::duration up_time{};  // until `written`
  std::uint32_t transitions = 0;
  bool operator==(const SavedState&) const = default;
};

}  // namespace lb::health
