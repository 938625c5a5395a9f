// Which candidates a choice is left to.
#pragma once

#include <cstdint>
#include <span>

namespace lb {

// Who of the candidates may be chosen.
class Filter {
 public:
  explicit Filter(std::span<const std::uint32_t> tried) : tried_(tried) {}
  bool takes_all() const { return tried_.empty(); }
  bool takes(std::uint32_t rs_slot) const {
    for (const std::uint32_t slot : tried_) {
      if (slot == rs_slot) return false;
    }
    return true;
  }

 private:
  std::span<const std::uint32_t> tried_;
};

}  // namespace lb
