// How long an idle worker sleeps: not at all for a moment after its last packet, then ever longer
// up to a bound that keeps the delay of the first packet after a pause small. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

namespace lb {

class Backoff {
 public:
  static constexpr std::uint32_t kFirstSleepNs = 8'000;
  static constexpr std::uint32_t kLongestSleepNs = 200'000;

  // `spin_tsc`: how long to go on polling after the last packet.
  Backoff(bool sleeps, std::uint64_t spin_tsc) : sleeps_(sleeps), spin_tsc_(spin_tsc) {}

  void worked() {
    idle_ = false;
    next_sleep_ns_ = kFirstSleepNs;
  }

  // After a poll that brought nothing: nanoseconds to sleep, 0 to poll again at once.
  std::uint32_t idle(std::uint64_t now_tsc) {
    if (!sleeps_) return 0;
    if (!idle_) {
      idle_ = true;
      idle_since_ = now_tsc;
    }
    if (now_tsc - idle_since_ < spin_tsc_) return 0;
    const std::uint32_t sleep = next_sleep_ns_;
    next_sleep_ns_ = std::min(2 * next_sleep_ns_, kLongestSleepNs);
    return sleep;
  }

 private:
  const bool sleeps_;
  const std::uint64_t spin_tsc_;
  bool idle_ = false;
  std::uint64_t idle_since_ = 0;
  std::uint32_t next_sleep_ns_ = kFirstSleepNs;
};

}  // namespace lb
