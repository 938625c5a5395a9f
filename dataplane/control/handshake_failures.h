// Which real servers to suspect: those that are up and whose handshakes fail. Main thread.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/api/dataplane.pb.h"
#include "dataplane/service/snapshot.h"
#include "dataplane/stats/counters.h"

namespace lb {

// Asked several times a second: without news it looks at one counter per worker.
class HandshakeFailures {
 public:
  // The counters outlive this.
  explicit HandshakeFailures(std::vector<const WorkerCounters*> workers);

  // Adds the servers with failed handshakes since they were told of last, at most `limit`; the next
  // call goes on with the others, so that each has its turn.
  void fill(const Snapshot& snapshot, std::uint32_t limit, api::Evidence& out);

 private:
  std::uint64_t counted(std::uint32_t slot) const;

  std::vector<const WorkerCounters*> workers_;
  std::vector<std::uint64_t>
      reported_;              // by slot: failed handshakes that are told of, or need not be
  std::uint64_t seen_ = 0;    // failed handshakes of all, at the last look
  std::uint32_t cursor_ = 0;  // slot where the next look begins
  bool unfinished_ = false;   // the last look
};

}  // namespace lb
