// Walks over a worker's connections that end in a probe for each client that only waits, in slices
// between bursts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "dataplane/forward/connections.h"
#include "dataplane/packet/packet.h"

namespace lb {

class ProbeWalk {
 public:
  explicit ProbeWalk(Connections& conns) : conns_(conns) {}

  void restart() { cursor_ = 0; }
  // A slice from where the last one ended, at most kBurst probes. Calls visit(Record&) for the live
  // connections; true: its client is to be probed. Returns whether all have been visited; the next
  // slice then begins anew.
  template <typename Visit>
  bool run(std::vector<Probe>& probes, Visit&& visit) {
    std::size_t room = kBurst;
    // A step is never larger than the room for probes, so that none is lost.
    for (std::size_t seen = 0; seen < kSlice && room > 0; seen += kBurst) {
      cursor_ = conns_.walk(cursor_, std::min<std::size_t>(kBurst, room), [&](Record& record) {
        if (!visit(record)) return;
        probes.push_back(conns_.probe_for(record));
        --room;
      });
      if (cursor_ == 0) return true;
    }
    return false;
  }

 private:
  static constexpr std::size_t kSlice = 1024;  // records

  Connections& conns_;
  std::size_t cursor_ = 0;
};

}  // namespace lb
