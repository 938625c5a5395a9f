// Quiescence of the workers: when it is certain that none uses any more what it found before.
#pragma once

#include <cstdint>

namespace lb {

// Passed in: DPDK's QSBR in the daemon, a small one in tests.
class GracePeriod {
 public:
  virtual ~GracePeriod() = default;
  virtual std::uint64_t start() = 0;  // any worker or the control thread
  // True once every worker was quiescent after start().
  virtual bool passed(std::uint64_t token) const = 0;
};

}  // namespace lb
