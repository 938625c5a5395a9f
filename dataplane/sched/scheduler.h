// Choice of a real server for a new connection. A switch on an enum; runs for new connections only.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/sched/filter.h"
#include "dataplane/service/interleave.h"
#include "dataplane/service/snapshot.h"
#include "dataplane/stats/counters.h"

namespace lb {

// Connections of a real server over all workers: exact but for what is in flight between them. For
// any thread; `workers` and their real_servers arrays outlive it.
class Load {
 public:
  explicit Load(std::vector<const WorkerCounters*> workers) : workers_(std::move(workers)) {}
  std::int64_t active(std::uint32_t rs_slot) const;
  std::int64_t inactive(std::uint32_t rs_slot) const;
  // What counts as open at the server: established connections; of UDP all flows.
  std::int64_t open(std::uint32_t rs_slot, std::uint8_t proto) const {
    return proto == kProtoUdp ? inactive(rs_slot) : active(rs_slot);
  }
  // What lc and wlc compare: active * 256 + inactive, within [0, 2^47]. The terms are read one
  // after the other while other workers count, so a sum may be below 0 for a moment; that counts as
  // 0.
  std::uint64_t weighted(std::uint32_t rs_slot) const;

 private:
  std::vector<const WorkerCounters*> workers_;
};

// Per worker, used by its thread alone. Positions in the sequences, by service slot; workers start
// at different places so that few connections over many workers spread too.
class SchedulerState {
 public:
  SchedulerState(unsigned worker, unsigned workers);
  // Slot of the real server for a new connection to `service`, or kNoSlot when none is up with
  // weight > 0 but those in `tried`, which are not wanted. What each scheduler goes by stands in
  // docs/schedulers.md; `from_client` is the tuple of the connection's first packet.
  //
  // Reads 1 line for rr and wrr, 3 for sh, dh and mh, all candidates for fo, candidates times
  // workers for the others.
  std::uint32_t pick(const ServiceEntry& service, std::uint32_t service_slot,
                     const FlowTuple& from_client, const Load& load,
                     std::span<const std::uint32_t> tried = {});
  // What pick() will say after it was called `ahead` times more; kNoSlot of the schedulers that go
  // by connections, which nobody can know. Changes nothing.
  std::uint32_t peek(const ServiceEntry& service, std::uint32_t service_slot,
                     const FlowTuple& from_client, std::size_t ahead) const;

 private:
  std::size_t next_position(std::uint32_t service_slot, std::size_t size) const;
  std::uint32_t next_in_turn(const ServiceEntry& service, std::uint32_t service_slot,
                             const Filter& filter);
  template <typename CostOf>
  std::uint32_t least(const ServiceEntry& service, std::uint32_t service_slot, const Filter& filter,
                      const CostOf& cost_of);

  unsigned worker_;
  unsigned workers_;
  std::vector<std::uint32_t> position_;
};

}  // namespace lb
