#include "dataplane/lcore/queue_plan.h"

#include <algorithm>

namespace lb {

QueuePlan QueuePlan::make(const QueueLimits& limits, unsigned workers) {
  const auto wanted = static_cast<std::uint16_t>(std::min(workers, 65'535U));
  const auto at_least_one = [](std::uint16_t n) { return std::max<std::uint16_t>(n, 1); };
  QueuePlan plan;
  plan.workers = workers;
  plan.rx = at_least_one(limits.all_rx ? limits.max_rx : std::min(wanted, limits.max_rx));
  plan.tx = at_least_one(std::min(wanted, limits.max_tx));
  return plan;
}

}  // namespace lb
