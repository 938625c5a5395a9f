#include "controlplane/failover/late_adverts.h"

#include <algorithm>
#include <utility>

namespace lb::controlplane {

std::optional<std::chrono::milliseconds> LateAdverts::received(Ipv4Address master, Time now,
                                                               std::chrono::milliseconds limit) {
  const auto before = std::exchange(last_, Last{master, now});
  if (!before || before->master != master || now - before->at <= limit) return std::nullopt;
  const auto after = std::chrono::duration_cast<std::chrono::milliseconds>(now - before->at);
  count_ += 1;
  longest_ = std::max(longest_, after);
  return after;
}

}  // namespace lb::controlplane
