// The addresses of a flow as they lie in a packet.
#pragma once

#include <cstdint>

#include "config/base/byte_order.h"

namespace lb {

inline constexpr std::uint8_t kProtoIcmp = 1;
inline constexpr std::uint8_t kProtoTcp = 6;
inline constexpr std::uint8_t kProtoUdp = 17;

struct FlowTuple {
  Be32 src;
  Be32 dst;
  Be16 sport;
  Be16 dport;

  constexpr FlowTuple reversed() const { return {dst, src, dport, sport}; }
  constexpr bool operator==(const FlowTuple&) const = default;
};
static_assert(sizeof(FlowTuple) == 12);

}  // namespace lb
