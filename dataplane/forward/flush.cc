// Connections that an operator ends, in slices between bursts.
//
// The record goes at once. What a TCP client sends after that belongs to no connection, and the
// kernel, which owns the VIP, resets it; one that only waits is sent a probe, whose answer is
// reset likewise.
#include <algorithm>

#include "dataplane/forward/pipeline.h"

namespace lb {

namespace {
constexpr std::size_t kWalkSlice = 1024;  // records looked at per call
}

void Pipeline::flush_connections(const Snapshot& snapshot, std::vector<Probe>& probes) {
  const std::uint64_t job = flush_.job();
  const ConnMatch& match = flush_.match();
  std::size_t room = kBurst;
  std::uint64_t ended = 0;
  // A slice smaller than the room for probes never loses one.
  for (std::size_t seen = 0; seen < kWalkSlice && room > 0; seen += kBurst) {
    flush_cursor_ = table_.walk(
        worker_, flush_cursor_, std::min<std::size_t>(kBurst, room), [&](Record& record) {
          // Acquire: pairs with publish.
          const ConnState state = record.state.load(std::memory_order_acquire);
          if (!match.matches(record.tuple, record.service, state)) return;
          // The master's are its own to end.
          if (snapshot.services[record.service].standby) return;
          const Probe probe{record.tuple[0].reversed(),
                            ClientHop{record.client_hop.load(std::memory_order_relaxed)}};
          if (!end_connection(record)) return;
          ++ended;
          if (state != ConnState::kEstablished) return;
          probes.push_back(probe);
          --room;
        });
    if (flush_cursor_ == 0) break;
  }
  flush_.ended(ended);
  if (flush_cursor_ != 0) return;
  flushed_job_ = job;
  flush_.through();
}

}  // namespace lb
