#include "dataplane/sched/load.h"

#include <algorithm>

namespace lb {
namespace {

// Keeps load * weight within 63 bits; far above any number of connections.
constexpr std::int64_t kMaxLoad = std::int64_t{1} << 47;

}  // namespace

std::int64_t Load::active(std::uint32_t rs_slot) const {
  std::int64_t sum = 0;
  for (const WorkerCounters* worker : workers_) sum += worker->real_servers[rs_slot].active.get();
  return sum;
}

std::int64_t Load::total(std::uint32_t rs_slot) const {
  std::int64_t sum = 0;
  for (const WorkerCounters* worker : workers_) sum += worker->real_servers[rs_slot].total.get();
  return sum;
}

std::int64_t Load::of_service(std::uint32_t service_slot) const {
  std::int64_t sum = 0;
  for (const WorkerCounters* worker : workers_) {
    sum += worker->service_connections[service_slot].get();
  }
  return sum;
}

std::int64_t Load::half_open(std::uint32_t rs_slot) const {
  std::int64_t sum = 0;
  for (const WorkerCounters* worker : workers_) {
    sum += worker->real_servers[rs_slot].half_open.get();
  }
  return sum;
}

std::uint64_t Load::weighted(std::uint32_t rs_slot) const {
  constexpr std::int64_t kMore = kActiveCost - 1;
  std::int64_t sum = 0;
  for (const WorkerCounters* worker : workers_) {
    const RealServerCounters& counters = worker->real_servers[rs_slot];
    sum += counters.active.get() * kMore + counters.total.get();
  }
  return static_cast<std::uint64_t>(std::clamp<std::int64_t>(sum, 0, kMaxLoad));
}

}  // namespace lb
