// When a check runs. Pure: the caller hands in the time.
//
// A check is due `interval` after it last started, so that a server which answers nothing is still
// asked every `interval`; but it never overlaps itself: when it takes longer than `interval`, the
// next one starts as soon as it has ended. The phase spreads many checks over the interval. A run
// before the phase (the first check of every target runs at once) leaves the phase as it is.
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

  // A late start shifts the rhythm instead of being made up for in a burst.
  void started(TimePoint now) {
    if (now >= due_) due_ = now + interval_;
  }

  TimePoint next_start(TimePoint ended) const { return std::max(due_, ended); }

 private:
  Duration interval_;
  TimePoint due_;
};

// When evidence of trouble, that clients bring, brings a check forward. It must not make checks run
// hot, whatever clients send: between two of them is a quarter of the interval, or a second if that
// is less and the last one found trouble.
class Haste {
 public:
  using TimePoint = Schedule::TimePoint;
  using Duration = Schedule::Duration;

  explicit Haste(Duration interval) : interval_(interval) {}

  // When evidence that comes at `now` may run the check.
  TimePoint start(TimePoint now) const { return std::max(now, next_); }

  // A check began that had been brought forward.
  void started(TimePoint now) {
    started_ = now;
    next_ = now + std::min<Duration>(interval_ / 4, std::chrono::seconds(1));
  }
  // And found nothing wrong: clients that do not answer the server, and nobody else, may be the
  // reason.
  void found_good() { next_ = started_ + interval_ / 4; }

 private:
  Duration interval_;
  TimePoint started_;
  TimePoint next_;
};

}  // namespace lb::health
