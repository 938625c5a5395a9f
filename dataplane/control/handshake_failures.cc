#include "dataplane/control/handshake_failures.h"

#include <algorithm>
#include <utility>

#include "dataplane/api/address_codec.h"

namespace lb {

namespace {

void add(const Snapshot& snapshot, const RealServerEntry& rs, api::HandshakeFailureReply& out) {
  const ServiceEntry& service = snapshot.services[rs.service];
  api::HandshakeFailureEntry& entry = *out.add_entries();
  entry.set_service(service.name);
  entry.set_vip(to_bytes({service.address}));
  entry.set_vip_port(service.port.host());
  entry.set_address(to_bytes({rs.address}));
  entry.set_port(rs.port.host());
}

}  // namespace

HandshakeFailures::HandshakeFailures(std::vector<const WorkerCounters*> workers)
    : workers_(std::move(workers)) {}

void HandshakeFailures::fill(const Snapshot& snapshot, std::uint32_t limit,
                             api::HandshakeFailureReply& out) {
  // Read before the slots: later counts are found by the next call.
  std::uint64_t sum = 0;
  for (const WorkerCounters* worker : workers_) sum += worker->failed_handshakes.get();
  if (std::exchange(seen_, sum) == sum && !unfinished_) return;
  unfinished_ = false;

  const auto slots = static_cast<std::uint32_t>(snapshot.real_servers.size());
  reported_.resize(std::max<std::size_t>(reported_.size(), slots));
  std::uint32_t slot = cursor_ < slots ? cursor_ : 0;
  for (std::uint32_t n = 0; n < slots; ++n, slot = slot + 1 < slots ? slot + 1 : 0) {
    const std::uint64_t failed = counted(slot);
    if (failed == reported_[slot]) continue;
    const RealServerEntry& rs = snapshot.real_servers[slot];
    const bool wanted = rs.service != kNoSlot && rs.up && !rs.removed;
    if (wanted && out.entries_size() >= static_cast<int>(limit)) {
      cursor_ = slot;
      unfinished_ = true;
      return;
    }
    reported_[slot] = failed;
    if (wanted) add(snapshot, rs, out);
  }
}

std::uint64_t HandshakeFailures::counted(std::uint32_t slot) const {
  std::uint64_t sum = 0;
  for (const WorkerCounters* worker : workers_) {
    const HandshakeCounters& handshakes = worker->handshakes[slot];
    sum += handshakes.syn_unanswered.get() + handshakes.syn_refused.get();
  }
  return sum;
}

}  // namespace lb
