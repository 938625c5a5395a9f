#pragma once

#include <cstddef>

namespace lb {

// Size and alignment of a cache line on every machine we support. A constant rather than
// std::hardware_destructive_interference_size, whose value may change with compiler flags.
inline constexpr std::size_t kCacheLine = 64;

}  // namespace lb
