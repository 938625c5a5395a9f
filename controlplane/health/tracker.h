// Turns the results of one target's checks into up and down. Pure: the caller passes the time.
//
//   up   --(fall bad results in a row)--> down
//   down --(rise good results in a row)-> up
//
// A target without a known state starts down, and its first result decides alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace lb::health {

class Tracker {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `rise` and `fall` of 0 count as 1. `initial_up`: the state to keep; nullopt: a new target.
  Tracker(std::uint32_t rise, std::uint32_t fall, std::optional<bool> initial_up, TimePoint now);

  // Adds the result of a check; true when it changed the state.
  bool add_result(bool good, TimePoint now);

  bool up() const { return up_; }
  TimePoint since() const { return since_; }                // of the state
  std::uint32_t rise_count() const { return rise_count_; }  // good results in a row
  std::uint32_t fall_count() const { return fall_count_; }  // bad results in a row

 private:
  std::uint32_t rise_;
  std::uint32_t fall_;
  bool up_;
  bool first_decides_;
  TimePoint since_;
  // One of the two is 0 at any time. They stop at their type's maximum.
  std::uint32_t rise_count_ = 0;
  std::uint32_t fall_count_ = 0;
};

}  // namespace lb::health
