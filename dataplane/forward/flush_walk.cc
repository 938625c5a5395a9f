// The record goes at once. What a TCP client sends after that belongs to no connection, and the
// kernel, which owns the VIP, resets it; a client that only waits is sent a probe, whose answer is
// reset likewise.
#include "dataplane/forward/flush_walk.h"

namespace lb {

void FlushWalk::run(const Snapshot& snapshot, std::vector<Probe>& probes) {
  const std::uint64_t job = board_.job();
  const ConnMatch& match = board_.match();
  std::uint64_t ended = 0;
  const bool through = walk_.run(probes, [&](Record& record) {
    // Acquire: pairs with publish.
    const ConnState state = record.state.load(std::memory_order_acquire);
    if (!match.matches(record.tuple, record.service, state)) return false;
    // A standby's connections are the master's to end.
    if (snapshot.services[record.service].standby) return false;
    if (!conns_.end(record)) return false;
    ++ended;
    return is_active(state);
  });
  board_.ended(ended);
  if (!through) return;
  done_job_ = job;
  board_.through();
}

}  // namespace lb
