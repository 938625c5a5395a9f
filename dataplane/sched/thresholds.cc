#include "dataplane/sched/thresholds.h"

namespace lb {

bool Thresholds::is_full(std::uint32_t rs_slot, const RealServerEntry& rs) const {
  if (rs.max_connections == 0) return false;
  const std::int64_t total = load_.total(rs_slot);
  if (total >= rs.max_connections) return true;
  // Relaxed: a hint for the choice; the bound is kept by try_enter().
  return places_[rs_slot].full_at.load(std::memory_order_relaxed) == rs.max_connections &&
         total > rs.resume_connections;
}

bool Thresholds::has_room(std::uint32_t rs_slot, const RealServerEntry& rs) {
  if (rs.max_connections == 0) return true;
  std::atomic<std::uint32_t>& full_at = places_[rs_slot].full_at;
  const std::uint32_t known = full_at.load(std::memory_order_relaxed);
  const std::uint32_t now = is_full(rs_slot, rs) ? rs.max_connections : 0;
  if (now != known) full_at.store(now, std::memory_order_relaxed);
  return now == 0;
}

bool Thresholds::try_enter(std::uint32_t rs_slot, const RealServerEntry& rs) {
  Place& place = places_[rs_slot];
  // Acquire: pairs with leave(). Release: the next one sees this one, too.
  const std::int64_t before_me = place.entering.fetch_add(1, std::memory_order_acq_rel);
  const std::int64_t total = load_.total(rs_slot);
  const std::int64_t with_me = total + before_me + 1;
  if (with_me >= rs.max_connections) {
    place.full_at.store(rs.max_connections, std::memory_order_relaxed);
  }
  if (with_me <= rs.max_connections) return true;
  leave(rs_slot);
  return false;
}

}  // namespace lb
