// The Internet checksum (RFC 1071). Sums are over 16-bit words as they lie in the packet: the
// one's-complement sum does not care about byte order, so nothing is swapped.
//
// A sum has two zeros, 0x0000 and 0xffff. A header that is not all zero sums to 0xffff when its
// checksum is right.
#pragma once

#include <immintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>

#include "config/base/byte_order.h"
#include "dataplane/packet/wire.h"

namespace lb {

// End-around carry, without a branch: a carry is as good as random.
inline std::uint64_t add_sums(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t sum = a + b;
  return sum + (sum < a ? 1 : 0);
}

// Added to itself with its halves swapped, a sum has both halves' sum in its upper half, and the
// lower half's carry is in it already.
inline std::uint16_t fold32(std::uint32_t sum) {
  return static_cast<std::uint16_t>((sum + std::rotl(sum, 16)) >> 16);
}

inline std::uint16_t fold(std::uint64_t sum) {
  return fold32(static_cast<std::uint32_t>((sum + std::rotl(sum, 32)) >> 32));
}

// Unfolded sum of an IPv4 header without options.
inline std::uint64_t sum_ip_header(const std::uint8_t* ip) {
  unsigned long long sum = 0;
  unsigned char carry =
      _addcarry_u64(0, wire::load<std::uint64_t>(ip), wire::load<std::uint64_t>(ip + 8), &sum);
  carry = _addcarry_u64(carry, sum, wire::load<std::uint32_t>(ip + 16), &sum);
  return sum + carry;
}

// Unfolded sum of any bytes, added to `start`. An odd last byte counts as the high byte of a word
// (RFC 1071 section 4.1).
std::uint64_t sum_bytes(const std::uint8_t* data, std::size_t size, std::uint64_t start = 0);

// Unfolded sum of the pseudo header of TCP and UDP; `l4_bytes` is the length of header and payload.
inline std::uint64_t sum_pseudo_header(Be32 src, Be32 dst, std::uint8_t proto,
                                       std::uint16_t l4_bytes) {
  return std::uint64_t{src.raw} + dst.raw + Be16::from_host(proto).raw +
         Be16::from_host(l4_bytes).raw;
}

// What goes into the checksum field for a sum taken while that field was zero.
inline std::uint16_t checksum_of(std::uint64_t sum) {
  return static_cast<std::uint16_t>(~fold(sum));
}

// RFC 1624 equation 3: HC' = ~(~HC + ~m + m'), where `delta` is the sum ~m + m' over all words that
// change, folded or a few folded ones added. The difference the other way is the complement.
inline std::uint16_t update_checksum(std::uint16_t checksum, std::uint32_t delta) {
  const auto complement = static_cast<std::uint16_t>(~checksum);
  return static_cast<std::uint16_t>(~fold32(complement + delta));
}

// UDP: 0 means that there is no checksum, so one that comes out as 0 is sent as 0xffff (RFC 768).
inline std::uint16_t udp_checksum_of(std::uint64_t sum) {
  const std::uint16_t checksum = checksum_of(sum);
  return checksum == 0 ? std::uint16_t{0xffff} : checksum;
}
inline std::uint16_t update_udp_checksum(std::uint16_t checksum, std::uint32_t delta) {
  if (checksum == 0) return 0;
  const std::uint16_t updated = update_checksum(checksum, delta);
  return updated == 0 ? std::uint16_t{0xffff} : updated;
}

}  // namespace lb
