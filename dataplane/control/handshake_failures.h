// Real servers that are up and whose handshakes fail. Main thread.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/api/dataplane.pb.h"
#include "dataplane/service/snapshot.h"
#include "dataplane/stats/counters.h"

namespace lb {

// Polled several times a second: without new failures it reads one counter per worker.
class HandshakeFailures {
 public:
  // The counters outlive this.
  explicit HandshakeFailures(std::vector<const WorkerCounters*> workers);

  // Adds the servers with failed handshakes since their last report, at most `limit`; the next call
  // continues with the others.
  void fill(const Snapshot& snapshot, std::uint32_t limit, api::HandshakeFailureReply& out);

 private:
  std::uint64_t counted(std::uint32_t slot) const;

  std::vector<const WorkerCounters*> workers_;
  std::vector<std::uint64_t>
      reported_;              // by slot: failed handshakes already reported or irrelevant
  std::uint64_t seen_ = 0;    // failed handshakes of all, at the last call
  std::uint32_t cursor_ = 0;  // slot where the next call begins
  bool unfinished_ = false;   // the last call
};

}  // namespace lb
