// The addresses of a flow as they lie in a packet, and what a change of them does to checksums.
#pragma once

#include <cstdint>

#include "config/base/byte_order.h"

namespace lb {

inline constexpr std::uint8_t kProtoIcmp = 1;
inline constexpr std::uint8_t kProtoTcp = 6;
inline constexpr std::uint8_t kProtoUdp = 17;
inline constexpr std::uint8_t kProtoVrrp = 112;

struct FlowTuple {
  Be32 src;
  Be32 dst;
  Be16 sport;
  Be16 dport;

  constexpr FlowTuple reversed() const { return {dst, src, dport, sport}; }
  constexpr bool operator==(const FlowTuple&) const = default;
};
static_assert(sizeof(FlowTuple) == 12);

// The one's-complement sums to add to the IPv4 header checksum and to the TCP or UDP checksum when
// a packet's addresses and ports change (RFC 1624).
struct Deltas {
  std::uint16_t ip = 0;
  std::uint16_t l4 = 0;

  // Of the change back: the complement.
  constexpr Deltas reversed() const {
    return {static_cast<std::uint16_t>(~ip), static_cast<std::uint16_t>(~l4)};
  }
  constexpr bool operator==(const Deltas&) const = default;
};

}  // namespace lb
