// The pipeline of one worker: a burst in, a verdict per packet out. Free of DPDK: the lcore loop
// turns mbufs into Packets and verdicts into transmissions.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/conn/table.h"
#include "dataplane/forward/token_bucket.h"
#include "dataplane/packet/fragment_table.h"
#include "dataplane/packet/packet.h"
#include "dataplane/sched/scheduler.h"
#include "dataplane/service/snapshot.h"
#include "dataplane/stats/counters.h"

namespace lb {

// Asks a client whose server died for a segment, to which the answer is a reset with a sequence
// number it accepts.
struct Probe {
  FlowTuple tuple;  // from the VIP to the client
  ClientHop hop;
};

class Pipeline {
 public:
  // What the workers share; outlives the pipeline.
  struct Shared {
    ConnTable& table;
    FragmentTable& fragments;
    const Load& load;
  };
  Pipeline(unsigned worker, unsigned workers, const Shared& shared, WorkerCounters& counters);

  // Decides every packet of the burst (at most kBurst): verdict, reason, egress; the bytes are
  // rewritten in place. `now` is the coarse tick. Drops and punts are counted here, transmissions
  // by the loop.
  void process(std::span<Packet> burst, const Snapshot& snapshot, std::uint32_t now);

  // Fragments that process() let go because their first fragment came: cookies of kHeld packets, to
  // be handed in again as a burst. Cleared by the caller.
  std::vector<void*>& released() { return released_; }

  // Expiry, the walk after a server died, held fragments that waited too long (their cookies go to
  // `expired_cookies`, to be freed; counted here). A bounded slice per call. Probes to send are
  // appended to `probes`, at most kBurst per call.
  void maintain(const Snapshot& snapshot, std::uint32_t now, std::vector<Probe>& probes,
                std::vector<void*>& expired_cookies);

 private:
  unsigned worker_;
  const Shared shared_;
  WorkerCounters& counters_;
  SchedulerState scheduler_;
  TokenBucket answers_;  // ICMP errors and resets of our own
  std::vector<void*> released_;
};

}  // namespace lb
