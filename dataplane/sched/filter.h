// Which candidates a choice is left to.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/sched/thresholds.h"

namespace lb {

class Filter {
 public:
  // Not those in `tried`.
  explicit Filter(std::span<const std::uint32_t> tried) : tried_(tried) {}
  // Nor those that are full; `servers` by slot.
  Filter(std::span<const std::uint32_t> tried, Thresholds& thresholds,
         const RealServerEntry* servers)
      : tried_(tried), thresholds_(&thresholds), servers_(servers) {}

  bool accepts_all() const { return tried_.empty() && thresholds_ == nullptr; }
  bool accepts(std::uint32_t rs_slot) const {
    for (const std::uint32_t slot : tried_) {
      if (slot == rs_slot) return false;
    }
    return thresholds_ == nullptr || thresholds_->has_room(rs_slot, servers_[rs_slot]);
  }

 private:
  std::span<const std::uint32_t> tried_;
  Thresholds* thresholds_ = nullptr;
  const RealServerEntry* servers_ = nullptr;
};

}  // namespace lb
