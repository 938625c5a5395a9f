#include "controlplane/failover/lateness.h"

#include <algorithm>
#include <utility>

namespace lb::controlplane {

std::optional<std::chrono::milliseconds> Lateness::received(Time now,
                                                            std::chrono::milliseconds limit) {
  const auto before = std::exchange(last_, now);
  if (!before || now - *before <= limit) return std::nullopt;
  const auto after = std::chrono::duration_cast<std::chrono::milliseconds>(now - *before);
  count_ += 1;
  longest_ = std::max(longest_, after);
  return after;
}

}  // namespace lb::controlplane
