// Decides which packets the kernel gets: by class, and in it by source, each with limits of its
// own per port. A worker's own object but for the flows, which all share.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/forward/own_flows.h"
#include "dataplane/forward/punt_class.h"
#include "dataplane/forward/token_bucket.h"
#include "dataplane/service/snapshot.h"
#include "dataplane/stats/counters.h"

namespace lb {

// Packets per second, of replies and sessions ten times as many; 0: no limit.
struct PuntLimits {
  std::uint32_t pps = 50'000;             // of each class, on each port, by each worker
  std::uint32_t pps_per_source = 20'000;  // of which one source may have so many
};

class PuntGate {
 public:
  PuntGate(const PuntLimits& limits, unsigned ports, OwnFlows& flows, WorkerCounters& counters);

  // The class of a packet that came in by `port`; nullopt: it is over a limit of its class. Either
  // is counted for the class; a drop's reason is the caller's to count. `otherwise`: the class of one
  // that earns no higher class, `other` or `local`.
  std::optional<PuntClass> admit(std::span<const std::uint8_t> frame, unsigned port,
                                 const Snapshot& snapshot, std::uint32_t now,
                                 PuntClass otherwise = PuntClass::other);
  // A frame that the kernel sends.
  void note_sent(std::span<const std::uint8_t> frame, const Snapshot& snapshot, std::uint32_t now) {
    note_own_flow(frame, snapshot, flows_, now);
  }

 private:
  // Sources share buckets by hash: one that floods slows down the few that have its bucket.
  static constexpr std::size_t kSources = 512;
  struct ClassLimit {
    TokenBucket all{0};
    std::vector<TokenBucket> sources;
  };
  using PortLimits = std::array<ClassLimit, kPuntClasses>;

  OwnFlows& flows_;
  WorkerCounters& counters_;
  std::vector<PortLimits> ports_;
};

}  // namespace lb
