// Choice of a real server for a new connection. A switch on an enum; runs for new connections only.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

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
  // weight > 0. rr and wrr: the next in the sequence. lc and wlc: least (active * 256 + inactive)
  // [/ weight]; among equals the next after the last choice. Reads 1 line for rr and wrr,
  // candidates times workers for lc and wlc.
  std::uint32_t pick(const ServiceEntry& service, std::uint32_t service_slot, const Load& load);
  // What pick() will say after it was called `ahead` times more, of rr and wrr; kNoSlot of the
  // others, which nobody can know. Changes nothing.
  std::uint32_t peek(const ServiceEntry& service, std::uint32_t service_slot,
                     std::size_t ahead) const;

 private:
  std::size_t next_position(std::uint32_t service_slot, std::size_t size) const;

  unsigned worker_;
  unsigned workers_;
  std::vector<std::uint32_t> position_;
};

}  // namespace lb
