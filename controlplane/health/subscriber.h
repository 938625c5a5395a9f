// A target and what it makes of the results of what it asks: its check, and its agent if it has
// one. Several may hear the results of one check.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "config/model.h"
#include "controlplane/health/checker.h"
#include "controlplane/health/probe.h"
#include "controlplane/health/tracker.h"

namespace lb::health {

struct Subscriber {
  using Clock = std::chrono::steady_clock;
  enum class News : std::uint8_t { kNone, kTurned, kWeight };

  Subscriber(std::uint64_t its_id, const Target& wanted, std::optional<bool> initial_up,
             Clock::time_point now);

  State state() const;
  // As Checker::remember().
  void remember(const Past& past, bool in_between);
  // What a result changed: whether it is up; or else its weight, or whether its agent takes it out.
  News hear(config::CheckType type, const Outcome& outcome, Clock::time_point now);

  std::uint64_t id;
  std::uint64_t question = 0;
  Target target;
  Tracker tracker;
  std::string last_result;
  AgentState agent;
  std::string agent_result;
  std::optional<std::uint16_t> weight;
  bool up;
  Clock::time_point since;
  Clock::time_point known_since;
  Clock::duration up_time{};  // up to `since`
  std::uint32_t transitions = 0;
  bool removed = false;

 private:
  bool turn(Clock::time_point now);
  std::uint16_t weight_now() const;
};

}  // namespace lb::health
