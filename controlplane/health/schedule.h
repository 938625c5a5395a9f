// When a check runs. Pure: the caller passes the time.
//
// A check is due `interval` after its last start, so that a silent server is still checked every
// `interval`; but it never overlaps itself: when it takes longer than `interval`, the next one
// starts as soon as it has ended. The phase spreads many checks over the interval. A run before the
// phase (the first check of every target runs at once) does not change the phase.
#pragma once

#include <algorithm>
#include <chrono>

namespace lb::health {

class Schedule {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  Schedule(Duration interval, TimePoint phase) : interval_(interval), due_(phase) {}

  TimePoint due() const { return due_; }

  // A late start shifts the schedule; there is no burst to catch up.
  void started(TimePoint now) {
    if (now >= due_) due_ = now + interval_;
  }

  TimePoint next_start(TimePoint ended) const { return std::max(due_, ended); }

 private:
  Duration interval_;
  TimePoint due_;
};

// When failing handshakes of clients may run a check early. Clients must not cause a flood of
// checks: two such checks are a quarter of the interval apart, or a second if that is less and the
// last one failed.
class Haste {
 public:
  using TimePoint = Schedule::TimePoint;
  using Duration = Schedule::Duration;

  explicit Haste(Duration interval) : interval_(interval) {}

  // When a failure that is reported at `now` may run the check.
  TimePoint start(TimePoint now) const { return std::max(now, next_); }

  // An early check started.
  void started(TimePoint now) {
    started_ = now;
    next_ = now + std::min<Duration>(interval_ / 4, std::chrono::seconds(1));
  }
  // It passed: perhaps only some clients do not answer the server.
  void found_good() { next_ = started_ + interval_ / 4; }

 private:
  Duration interval_;
  TimePoint started_;
  TimePoint next_;
};

}  // namespace lb::health
