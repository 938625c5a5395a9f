// Choice of a real server for a new connection. A switch on an enum; runs for new connections only.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/service/snapshot.h"
#include "dataplane/stats/counters.h"

namespace lb {

// Smooth weighted round robin, written out: the order in which `slots` are to be picked so that
// each appears in proportion to its weight and as evenly spread as possible (weights are divided by
// their greatest common divisor first). The result has at most kMaxSequence entries; beyond that
// proportions are rounded, never to 0 for a weight > 0.
inline constexpr std::size_t kMaxSequence = 65'536;
std::vector<std::uint32_t> interleave(const std::vector<std::uint32_t>& slots,
                                      const std::vector<std::uint16_t>& weights);

// Connections of a real server over all workers: exact but for what is in flight between them.
class Load {
 public:
  explicit Load(std::vector<const WorkerCounters*> workers) : workers_(std::move(workers)) {}
  std::int64_t active(std::uint32_t rs_slot) const;
  std::int64_t inactive(std::uint32_t rs_slot) const;

 private:
  std::vector<const WorkerCounters*> workers_;
};

// Per worker. Positions in the sequences, by service slot; workers start at different places so
// that few connections over many workers spread too.
class SchedulerState {
 public:
  SchedulerState(unsigned worker, unsigned workers);
  // Slot of the real server for a new connection to `service`, or kNoSlot when none is up with
  // weight > 0. lc and wlc: least (active * 256 + inactive) [/ weight]; ties go round.
  std::uint32_t pick(const ServiceEntry& service, std::uint32_t service_slot, const Load& load);

 private:
  unsigned worker_;
  unsigned workers_;
  std::vector<std::uint32_t> position_;
};

}  // namespace lb
