// The walk over a worker's connections after real servers went down, see server_down.cc.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/forward/probe_walk.h"
#include "dataplane/service/snapshot.h"

namespace lb {

// One worker's; used by its thread alone.
class ServerDownWalk {
 public:
  explicit ServerDownWalk(Connections& conns) : conns_(conns), walk_(conns) {}

  // Whether servers went down since the last walk that was completed.
  bool is_due(const Snapshot& snapshot) const { return walked_epoch_ != snapshot.reset_epoch; }
  // A slice; appends at most kBurst probes.
  void run(const Snapshot& snapshot, std::vector<Probe>& probes);

 private:
  Connections& conns_;
  ProbeWalk walk_;
  std::uint64_t walked_epoch_ = 0;   // reset_epoch of the last completed walk
  std::uint64_t walking_epoch_ = 0;  // of the walk under way
};

}  // namespace lb
