#include "dataplane/sched/scheduler.h"

#include <algorithm>

namespace lb {
namespace {

constexpr std::uint32_t kNotStarted = ~std::uint32_t{0};
constexpr std::int64_t kActiveCost = 256;  // as ipvsadm's lc: an idle connection is nearly free
// Keeps load * weight within 63 bits; far above any number of connections.
constexpr std::int64_t kMaxLoad = std::int64_t{1} << 47;

bool is_in_turn(Scheduler scheduler) {
  return scheduler == Scheduler::kRr || scheduler == Scheduler::kWrr;
}

// Index of the candidate with the least load (per weight), the first such one from `start` on.
template <bool kWeighted>
std::size_t least_loaded(const ServiceEntry& service, std::size_t start, const Load& load) {
  const std::size_t size = service.candidates.size();
  std::size_t best = start;
  std::uint64_t best_load = load.weighted(service.candidates[start]);
  std::size_t i = start;
  for (std::size_t left = size - 1; left > 0; --left) {
    if (++i == size) i = 0;
    const std::uint64_t l = load.weighted(service.candidates[i]);
    // l / weight < best_load / best weight, without dividing.
    const bool less =
        kWeighted ? l * service.weights[best] < best_load * service.weights[i] : l < best_load;
    if (less) {
      best = i;
      best_load = l;
    }
  }
  return best;
}

}  // namespace

std::int64_t Load::active(std::uint32_t rs_slot) const {
  std::int64_t sum = 0;
  for (const WorkerCounters* worker : workers_) sum += worker->real_servers[rs_slot].active.get();
  return sum;
}

std::int64_t Load::inactive(std::uint32_t rs_slot) const {
  std::int64_t sum = 0;
  for (const WorkerCounters* worker : workers_) sum += worker->real_servers[rs_slot].inactive.get();
  return sum;
}

std::uint64_t Load::weighted(std::uint32_t rs_slot) const {
  std::int64_t sum = 0;
  for (const WorkerCounters* worker : workers_) {
    const RealServerCounters& counters = worker->real_servers[rs_slot];
    sum += counters.active.get() * kActiveCost + counters.inactive.get();
  }
  return static_cast<std::uint64_t>(std::clamp<std::int64_t>(sum, 0, kMaxLoad));
}

SchedulerState::SchedulerState(unsigned worker, unsigned workers)
    : worker_(worker), workers_(workers), position_(kMaxServiceSlots, kNotStarted) {}

// Where to go on among `size` choices, which may have become fewer since the last time.
std::size_t SchedulerState::next_position(std::uint32_t service_slot, std::size_t size) const {
  const std::uint32_t position = position_[service_slot];
  if (position == kNotStarted) return worker_ * size / workers_;
  return position < size ? position : position % size;
}

std::uint32_t SchedulerState::peek(const ServiceEntry& service, std::uint32_t service_slot,
                                   std::size_t ahead) const {
  const std::size_t size = service.sequence.size();
  if (!is_in_turn(service.scheduler) || size == 0) return kNoSlot;
  return service.sequence[(next_position(service_slot, size) + ahead) % size];
}

std::uint32_t SchedulerState::pick(const ServiceEntry& service, std::uint32_t service_slot,
                                   const Load& load) {
  const std::vector<std::uint32_t>& choices =
      is_in_turn(service.scheduler) ? service.sequence : service.candidates;
  if (choices.empty()) return kNoSlot;

  std::size_t at = next_position(service_slot, choices.size());
  switch (service.scheduler) {
    case Scheduler::kRr:
    case Scheduler::kWrr:
      break;
    case Scheduler::kLc:
      at = least_loaded<false>(service, at, load);
      break;
    case Scheduler::kWlc:
      at = least_loaded<true>(service, at, load);
      break;
  }
  position_[service_slot] = static_cast<std::uint32_t>(at + 1);
  return choices[at];
}

}  // namespace lb
