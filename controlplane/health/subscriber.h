// A target and how it evaluates the results of its check, and of its agent if it has one. Several
// subscribers may share one check.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "config/model.h"
#include "controlplane/health/checker.h"
#include "controlplane/health/probe.h"
#include "controlplane/health/tracker.h"

namespace lb::health {

struct Subscriber {
  using Clock = std::chrono::steady_clock;
  enum class Effect : std::uint8_t { kNone, kUpOrDown, kWeight };

  Subscriber(const Target& wanted, std::optional<bool> initial_up, Clock::time_point now);

  // As Checker::change().
  Effect change(const Target& next, bool stays_up, Clock::time_point now);
  // As Checker::restore().
  void restore(const SavedState& saved, bool in_between);
  // What a result changed: up or down; else its weight, or what its agent says.
  Effect on_result(config::CheckType type, const Outcome& outcome, Clock::time_point now);
  // Its check is paused: the state becomes unknown; `why` is shown.
  void cut_off(const std::string& why);

  Target target;
  const std::shared_ptr<State> state;
  bool removed = false;

 private:
  void show();
  bool turn(Clock::time_point now);

  Tracker tracker_;
  std::string last_result_;  // of the check
};

}  // namespace lb::health
