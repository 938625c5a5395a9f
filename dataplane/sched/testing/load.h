// For tests of the schedulers: services without a snapshot, and the workers' counters.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/sched/scheduler.h"
#include "dataplane/service/interleave.h"
#include "dataplane/service/maglev.h"

namespace lb::test {

inline constexpr std::uint32_t kSlots = 128;
inline constexpr FlowTuple kFlow = {};
inline const Filter kAnyone({});

// The counters of a few workers, as the lcores have them.
class Workers {
 public:
  explicit Workers(unsigned n) {
    for (unsigned i = 0; i < n; ++i) {
      counters_.push_back(std::make_unique<WorkerCounters>());
      counters_.back()->make_slots(kSlots);
    }
  }
  Load load() const {
    std::vector<const WorkerCounters*> workers;
    for (const auto& c : counters_) workers.push_back(c.get());
    return Load(workers);
  }
  // What a worker counted of a server, in the terms of ipvsadm.
  struct Counts {
    struct Active {
      RealServerCounters& counters;
      void add(std::int64_t n) {
        counters.active.add(n);
        counters.total.add(n);
      }
    } active;
    Counter<std::int64_t>& inactive;
  };
  Counts of(unsigned worker, std::uint32_t slot) {
    RealServerCounters& counters = counters_[worker]->real_servers[slot];
    return {{counters}, counters.total};
  }

 private:
  std::vector<std::unique_ptr<WorkerCounters>> counters_;
};

inline ServiceEntry service(Scheduler scheduler, std::vector<std::uint16_t> weights,
                            std::uint32_t first_slot = 0) {
  ServiceEntry entry;
  entry.scheduler = scheduler;
  entry.proto = kProtoTcp;
  for (std::uint32_t i = 0; i < weights.size(); ++i) entry.candidates.push_back(first_slot + i);
  if (scheduler == Scheduler::kRr) entry.sequence = entry.candidates;
  if (scheduler == Scheduler::kWrr) entry.sequence = interleave(entry.candidates, weights);
  entry.weights = std::move(weights);
  return entry;
}

}  // namespace lb::test
