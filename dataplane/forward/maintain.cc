// Upkeep between bursts, in slices.
#include "dataplane/forward/pipeline.h"

namespace lb {

namespace {
constexpr std::size_t kFragmentSlice = 64;  // datagrams per call
}  // namespace

void Pipeline::maintain(const Snapshot& snapshot, std::uint32_t now, std::vector<Probe>& probes,
                        std::vector<void*>& expired_cookies) {
  const std::size_t before = expired_cookies.size();
  fragments_.expire(now, kFragmentSlice, expired_cookies);
  for (std::size_t i = before; i < expired_cookies.size(); ++i)
    counters_.drop(DropReason::fragment_timeout);

  conns_.survey(snapshot);
  if (worker_ == 0) hop_keeper_.run(snapshot, now);
  if (snapshot.any_persistence) persistence_keeper_.run(snapshot, now);
  conns_.take_probes(probes);
  if (server_down_walk_.is_due(snapshot)) {
    server_down_walk_.run(snapshot, probes);
  } else if (flush_walk_.is_due()) {
    flush_walk_.run(snapshot, probes);
  }
}

}  // namespace lb
