#include "dataplane/sched/scheduler.h"

#include <algorithm>

#include "dataplane/sched/hashed.h"

namespace lb {
namespace {

constexpr std::uint32_t kNotStarted = ~std::uint32_t{0};
// Turns of servers that may not be chosen that rr and wrr pass over, before they choose otherwise:
// a heavy server may have 65,535 in a row with few of the others' between.
constexpr std::size_t kPassedOver = 64;

bool is_in_turn(Scheduler scheduler) {
  return scheduler == Scheduler::kRr || scheduler == Scheduler::kWrr;
}

// The candidate with the greatest weight, the first in the file among equals, of those that
// `accepts` admits; kNoSlot: none.
template <typename Accepts>
std::uint32_t heaviest(const ServiceEntry& service, const Accepts& accepts) {
  std::uint32_t best = kNoSlot;
  std::uint16_t best_weight = 0;
  for (std::size_t i = 0; i < service.candidates.size(); ++i) {
    if (service.weights[i] <= best_weight || !accepts(service.candidates[i], service.weights[i])) {
      continue;
    }
    best = service.candidates[i];
    best_weight = service.weights[i];
  }
  return best;
}

struct Cost {
  std::uint64_t load;
  std::uint64_t weight;
  // load / weight < other's, without dividing.
  bool less_than(const Cost& other) const { return load * other.weight < other.load * weight; }
};

}  // namespace

SchedulerState::SchedulerState(unsigned worker, unsigned workers)
    : worker_(worker), workers_(workers), position_(kMaxServiceSlots, kNotStarted) {}

// Where to go on among `size` choices, which may have become fewer since the last time.
[[gnu::always_inline]] inline std::size_t SchedulerState::next_position(std::uint32_t service_slot,
                                                                        std::size_t size) const {
  const std::uint32_t position = position_[service_slot];
  if (position == kNotStarted) return worker_ * size / workers_;
  return position < size ? position : position % size;
}

std::uint32_t SchedulerState::peek(const ServiceEntry& service, std::uint32_t service_slot,
                                   const FlowTuple& from_client, std::size_t ahead) const {
  if (is_hashed(service.scheduler)) return pick_hashed(service, from_client, Filter({}));
  const std::size_t size = service.sequence.size();
  if (!is_in_turn(service.scheduler) || size == 0) return kNoSlot;
  return service.sequence[(next_position(service_slot, size) + ahead) % size];
}

[[gnu::always_inline]] inline std::uint32_t SchedulerState::next_in_turn(
    const ServiceEntry& service, std::uint32_t service_slot, const Filter& filter) {
  const std::vector<std::uint32_t>& sequence = service.sequence;
  std::size_t at = next_position(service_slot, sequence.size());
  bool accepts = true;
  if (!filter.accepts_all()) [[unlikely]] {
    for (std::size_t left = std::min(kPassedOver, sequence.size());; --left) {
      accepts = filter.accepts(sequence[at]);
      if (accepts || left == 1) break;
      if (++at == sequence.size()) at = 0;
    }
  }
  position_[service_slot] = static_cast<std::uint32_t>(at + 1);
  return accepts ? sequence[at] : kNoSlot;
}

// The candidate of least cost; among equals the next after the last choice.
template <typename CostOf>
std::uint32_t SchedulerState::least(const ServiceEntry& service, std::uint32_t service_slot,
                                    const Filter& filter, const CostOf& cost_of) {
  const std::size_t size = service.candidates.size();
  std::size_t at = next_position(service_slot, size);
  std::size_t best = size;
  Cost best_cost{};
  for (std::size_t left = size; left > 0; --left, at = at + 1 == size ? 0 : at + 1) {
    if (!filter.accepts(service.candidates[at])) continue;
    const Cost cost = cost_of(service.candidates[at], service.weights[at]);
    if (best != size && !cost.less_than(best_cost)) continue;
    best = at;
    best_cost = cost;
  }
  if (best == size) return kNoSlot;
  position_[service_slot] = static_cast<std::uint32_t>(best + 1);
  return service.candidates[best];
}

std::uint32_t SchedulerState::pick(const ServiceEntry& service, std::uint32_t service_slot,
                                   const FlowTuple& from_client, const Load& load,
                                   const Filter& filter) {
  if (service.candidates.empty()) return kNoSlot;
  if (is_in_turn(service.scheduler)) {
    const std::uint32_t next = next_in_turn(service, service_slot, filter);
    if (next != kNoSlot) [[likely]]
      return next;
  }
  return compare(service, service_slot, from_client, load, filter);
}

std::uint32_t SchedulerState::compare(const ServiceEntry& service, std::uint32_t service_slot,
                                      const FlowTuple& from_client, const Load& load,
                                      const Filter& filter) {
  const auto lc = [&](std::uint32_t slot, std::uint16_t) { return Cost{load.weighted(slot), 1}; };
  const auto wlc = [&](std::uint32_t slot, std::uint16_t weight) {
    return Cost{load.weighted(slot), weight};
  };
  // How long the connection would wait if it was there. Connections that are opening or closing
  // only decide between equals.
  const auto sed = [&](std::uint32_t slot, std::uint16_t weight) {
    if (service.proto == kProtoTcp) return Cost{load.weighted(slot) + kActiveCost, weight};
    return Cost{static_cast<std::uint64_t>(std::max<std::int64_t>(load.total(slot), 0)) + 1,
                weight};
  };
  const auto nq = [&](std::uint32_t slot, std::uint16_t weight) {
    return load.open(slot, service.proto) <= 0 ? Cost{0, 1} : sed(slot, weight);
  };
  const auto free = [&](std::uint32_t slot, std::uint16_t) { return filter.accepts(slot); };
  const auto has_room = [&](std::uint32_t slot, std::uint16_t weight) {
    return filter.accepts(slot) && load.open(slot, service.proto) <= weight;
  };

  std::uint32_t chosen = kNoSlot;
  switch (service.scheduler) {
    case Scheduler::kRr:
    case Scheduler::kLc:
      return least(service, service_slot, filter, lc);
    case Scheduler::kWrr:
    case Scheduler::kWlc:
      return least(service, service_slot, filter, wlc);
    case Scheduler::kSed:
      return least(service, service_slot, filter, sed);
    case Scheduler::kNq:
      return least(service, service_slot, filter, nq);
    case Scheduler::kSh:
    case Scheduler::kDh:
    case Scheduler::kMh:
      return pick_hashed(service, from_client, filter);
    case Scheduler::kFo:
      return heaviest(service, free);
    case Scheduler::kOvf:
      chosen = heaviest(service, has_room);
      return chosen != kNoSlot ? chosen : least(service, service_slot, filter, wlc);
  }
  return kNoSlot;
}

}  // namespace lb
