// max_connections and resume_connections of real servers, exact over all workers.
//
// The connections of a server are the sum of the workers' counters (Load). Between
// reading that and counting a connection of one's own, another worker may do the same. So a worker
// that is about to give the server a connection is counted as entering it, in one shared word,
// until its connection is counted or was not made:
//
//   fetch_add (entering)   the value before it counts all that have not left
//   read the sum           counts all that have left: their release pairs with the fetch_add
//   sum + entering < max   or fetch_sub, and another server
//   create, count
//   fetch_sub (release)
//
// One that leaves between the two reads is counted twice: the last place may be refused for a
// moment, the limit is never exceeded. Connections from the HA peer are always accepted.
//
// Only servers with a limit have all this; the others cost nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/sched/load.h"
#include "dataplane/service/snapshot.h"

namespace lb {

// Shared by all workers; for any thread.
class Thresholds {
 public:
  // `load` outlives it.
  Thresholds(const Load& load, std::size_t slots)
      : load_(load), places_(std::make_unique<Place[]>(slots)) {}

  // Whether the server is to be chosen at all: it has fewer than max_connections, and no more than
  // resume_connections if it was full before.
  bool has_room(std::uint32_t rs_slot, const RealServerEntry& rs);
  // The same without remembering what was found.
  bool is_full(std::uint32_t rs_slot, const RealServerEntry& rs) const;

  // One place of the server's. After true, leave() is to follow when the connection was counted or
  // could not be made.
  bool try_enter(std::uint32_t rs_slot, const RealServerEntry& rs);
  // Release: pairs with the next try_enter(), which then reads the count.
  void leave(std::uint32_t rs_slot) {
    places_[rs_slot].entering.fetch_sub(1, std::memory_order_release);
  }

 private:
  struct Place {
    std::atomic<std::uint32_t> entering{0};
    // The max_connections that was reached; 0: not full. Another limit since then: not full either.
    std::atomic<std::uint32_t> full_at{0};
  };

  const Load& load_;
  std::unique_ptr<Place[]> places_;
};

}  // namespace lb
