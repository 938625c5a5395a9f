// Upkeep between bursts, in slices.
#include "dataplane/forward/pipeline.h"

namespace lb {

namespace {
// Deadline hints per call: when all of them have come, the packets wait for some 25 us.
constexpr std::size_t kExpirySlice = 256;
constexpr std::size_t kFragmentSlice = 64;  // datagrams per call
}  // namespace

void Pipeline::expire(const Snapshot& snapshot, std::uint32_t now) {
  table_.expire(worker_, now, snapshot.timeouts(), kExpirySlice,
                [&](const Record& record, ConnState last) {
                  count_state(record.rs, last, ConnState::kDead);
                  if (last == ConnState::kSynSent) {
                    count_failed(counters_.handshakes[record.rs].syn_unanswered);
                  }
                  counters_.conns_expired.add(1);
                  if (log_ != nullptr) log_->ended(record, table_.index_of(record), last);
                });
}

void Pipeline::maintain(const Snapshot& snapshot, std::uint32_t now, std::vector<Probe>& probes,
                        std::vector<void*>& expired_cookies) {
  const std::size_t before = expired_cookies.size();
  fragments_.expire(now, kFragmentSlice, expired_cookies);
  for (std::size_t i = before; i < expired_cookies.size(); ++i)
    counters_.drop(DropReason::fragment_timeout);

  if (snapshot.any_persistence) {
    keep_persistent(snapshot, now);
    if (worker_ == 0) sweep_persistent(now);
  }
  if (walked_epoch_ != snapshot.reset_epoch) {
    walk_after_server_down(snapshot, probes);
  } else if (flushed_job_ != flush_.job()) {
    flush_connections(snapshot, probes);
  }
}

}  // namespace lb
