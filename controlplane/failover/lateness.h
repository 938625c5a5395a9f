// What should come in steady intervals and comes late, though not too late: adverts that a standby
// receives before it takes over, heartbeats of the sync link. heartbeat's warntime. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace lb::controlplane {

class Lateness {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Returns the time since the one before if that is longer than `limit`.
  std::optional<std::chrono::milliseconds> received(Time now, std::chrono::milliseconds limit);
  // Nothing is waited for, or of another sender: the next one is not late.
  void reset() { last_.reset(); }

  std::uint64_t count() const { return count_; }
  std::chrono::milliseconds longest() const { return longest_; }

 private:
  std::optional<Time> last_;
  std::uint64_t count_ = 0;
  std::chrono::milliseconds longest_{0};
};

}  // namespace lb::controlplane
