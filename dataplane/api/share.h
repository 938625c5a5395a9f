// What one user's clients may take of a daemon's event loop: a number of requests per second, and a
// part of its time. Who takes more is not refused but served later. Pure.
#pragma once

#include <algorithm>
#include <chrono>

namespace lb::api {

class Share {
 public:
  using Clock = std::chrono::steady_clock;

  // How long the next request, or the next part of an answer, has to wait.
  Clock::duration wait(Clock::time_point now) const {
    return std::max(due_ - kBurst - now, Clock::duration::zero());
  }
  void add_request(Clock::time_point now) { add(now, kPerRequest); }
  // The loop was busy for so long.
  void add_work(Clock::time_point now, Clock::duration work) { add(now, work * kWorkFactor); }
  // As a new one.
  bool is_unused(Clock::time_point now) const { return due_ <= now; }

 private:
  // At 50 requests per second, or a quarter of the loop's time, a share is used up.
  static constexpr std::chrono::milliseconds kPerRequest{20};
  static constexpr int kWorkFactor = 4;
  static constexpr std::chrono::seconds kBurst{1};

  void add(Clock::time_point now, Clock::duration cost) { due_ = std::max(due_, now) + cost; }

  Clock::time_point due_;  // when all that was taken is paid off
};

}  // namespace lb::api
