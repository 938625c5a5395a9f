// A rate limit on the coarse clock: `per_second` permits a second, at most one second's worth saved
// up.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/conn/record.h"

namespace lb {

class TokenBucket {
 public:
  // 0: no limit.
  explicit TokenBucket(std::uint32_t per_second) : per_second_(per_second), permits_(per_second) {}

  bool take(std::uint32_t now_tick) {
    if (per_second_ == 0) return true;
    if (now_tick != last_tick_) {
      const std::uint64_t gained =
          std::uint64_t{now_tick - last_tick_} * kTickMs * per_second_ / 1000;
      // A limit of less than one a tick gains something after several.
      if (gained != 0) {
        permits_ =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(per_second_, permits_ + gained));
        last_tick_ = now_tick;
      }
    }
    if (permits_ == 0) return false;
    --permits_;
    return true;
  }

 private:
  std::uint32_t per_second_;
  std::uint32_t permits_;
  std::uint32_t last_tick_ = 0;
};

}  // namespace lb
