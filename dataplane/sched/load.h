// The sum of the workers' counters.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "dataplane/packet/flow.h"
#include "dataplane/stats/counters.h"

namespace lb {

inline constexpr std::uint64_t kActiveCost =
    256;  // as ipvsadm's lc: an idle connection is nearly free

// Connections of a real server over all workers: exact but for what is in flight between them. For
// any thread; `workers` and their real_servers arrays outlive it.
class Load {
 public:
  explicit Load(std::vector<const WorkerCounters*> workers) : workers_(std::move(workers)) {}
  unsigned workers() const { return static_cast<unsigned>(workers_.size()); }
  std::int64_t active(std::uint32_t rs_slot) const;
  std::int64_t total(std::uint32_t rs_slot) const;
  std::int64_t half_open(std::uint32_t rs_slot) const;
  // May be off by what is just changing its state.
  std::int64_t inactive(std::uint32_t rs_slot) const { return total(rs_slot) - active(rs_slot); }
  // Connections of a service in the table.
  std::int64_t of_service(std::uint32_t service_slot) const;
  // What counts as open at the server: established connections; of UDP all flows.
  std::int64_t open(std::uint32_t rs_slot, std::uint8_t proto) const {
    return proto == kProtoUdp ? total(rs_slot) : active(rs_slot);
  }
  // What lc and wlc compare: active * 256 + inactive, within [0, 2^47]. The terms are read one
  // after the other while other workers count, so a sum may be below 0 for a moment; that counts as
  // 0.
  std::uint64_t weighted(std::uint32_t rs_slot) const;

 private:
  std::vector<const WorkerCounters*> workers_;
};

}  // namespace lb
