// Smooth weighted round robin, written out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lb {

inline constexpr std::size_t kMaxSequence = 65'536;

// The order in which `slots` are to be picked so that each appears in proportion to its weight and
// as evenly spread as possible: over any first p entries each appears its fair share of p, give or
// take less than 1; so two appearances of one are never more than twice the fair distance apart.
// Equal weights keep the order of `slots`; weight 0 does not appear.
//
// Weights are divided by their greatest common divisor first. The result has at most kMaxSequence
// entries (and takes at most as many slots); beyond that proportions are rounded, never to 0 for a
// weight > 0. Takes O(n log n) of its length.
std::vector<std::uint32_t> interleave(const std::vector<std::uint32_t>& slots,
                                      const std::vector<std::uint16_t>& weights);

}  // namespace lb
