// Choice of a real server for a new connection. A switch on an enum; runs for new connections only.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/sched/filter.h"
#include "dataplane/sched/load.h"
#include "dataplane/service/interleave.h"
#include "dataplane/service/snapshot.h"

namespace lb {

// Per worker, used by its thread alone. Positions in the sequences, by service slot; workers start
// at different places so that few connections over many workers spread too.
class SchedulerState {
 public:
  SchedulerState(unsigned worker, unsigned workers);
  // Slot of the real server for a new connection to `service`, or kNoSlot when none is up with
  // weight > 0 that `filter` accepts. Each scheduler is explained in
  // docs/schedulers.md; `from_client` is the tuple of the connection's first packet.
  //
  // Reads 1 line for rr and wrr, 3 for sh, dh and mh, all candidates for fo, candidates times
  // workers for the others.
  std::uint32_t pick(const ServiceEntry& service, std::uint32_t service_slot,
                     const FlowTuple& from_client, const Load& load, const Filter& filter);
  // What pick() will return after `ahead` more calls; kNoSlot for schedulers by connections, which
  // cannot be predicted. Changes nothing.
  std::uint32_t peek(const ServiceEntry& service, std::uint32_t service_slot,
                     const FlowTuple& from_client, std::size_t ahead) const;

 private:
  std::size_t next_position(std::uint32_t service_slot, std::size_t size) const;
  std::uint32_t next_in_turn(const ServiceEntry& service, std::uint32_t service_slot,
                             const Filter& filter);
  // All but a turn of rr and wrr. Out of line: it needs more registers than there are, and pick()
  // would have to save them for everybody.
  [[gnu::noinline]] std::uint32_t compare(const ServiceEntry& service, std::uint32_t service_slot,
                                          const FlowTuple& from_client, const Load& load,
                                          const Filter& filter);
  template <typename CostOf>
  std::uint32_t least(const ServiceEntry& service, std::uint32_t service_slot, const Filter& filter,
                      const CostOf& cost_of);

  unsigned worker_;
  unsigned workers_;
  std::vector<std::uint32_t> position_;
};

}  // namespace lb
