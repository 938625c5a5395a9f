// The choice by a hash of an address: sh, dh and mh.
#pragma once

#include "dataplane/sched/filter.h"
#include "dataplane/service/snapshot.h"

namespace lb {

constexpr bool is_hashed(Scheduler scheduler) {
  return scheduler == Scheduler::kSh || scheduler == Scheduler::kDh || scheduler == Scheduler::kMh;
}

// The same answer from every worker, director and process as long as the same servers are up with
// the same weights; kNoSlot when `filter` accepts none of the candidates.
//
// A first hash leads to a server. When that one may not be had, a second hash does, and so on: the
// clients of a server that is down spread over all others, whose own clients do not move.
std::uint32_t pick_hashed(const ServiceEntry& service, const FlowTuple& from_client,
                          const Filter& filter);

}  // namespace lb
