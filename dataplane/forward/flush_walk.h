// One worker's part in a flush, see flush_walk.cc.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/forward/flush.h"
#include "dataplane/forward/probe_walk.h"
#include "dataplane/service/snapshot.h"

namespace lb {

// Used by the worker's thread alone; the board is shared and outlives it.
class FlushWalk {
 public:
  FlushWalk(Connections& conns, FlushBoard& board) : conns_(conns), board_(board), walk_(conns) {}

  bool is_due() const { return done_job_ != board_.job(); }
  // A slice; appends at most kBurst probes. Says on the board when this worker is through.
  void run(const Snapshot& snapshot, std::vector<Probe>& probes);

 private:
  Connections& conns_;
  FlushBoard& board_;
  ProbeWalk walk_;
  std::uint64_t done_job_ = 0;
};

}  // namespace lb
