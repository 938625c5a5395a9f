// Adverts that a standby receives late, though before it takes over: heartbeat's warntime. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "config/base/net.h"

namespace lb::controlplane {

class LateAdverts {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // An advert of the master. Returns the time since the one before if that is longer than `limit`.
  std::optional<std::chrono::milliseconds> received(Ipv4Address master, Time now,
                                                    std::chrono::milliseconds limit);
  // There is no master that is waited for: the next advert is not late.
  void reset() { last_.reset(); }

  std::uint64_t count() const { return count_; }
  std::chrono::milliseconds longest() const { return longest_; }

 private:
  struct Last {
    Ipv4Address master;
    Time at;
  };
  std::optional<Last> last_;
  std::uint64_t count_ = 0;
  std::chrono::milliseconds longest_{0};
};

}  // namespace lb::controlplane
