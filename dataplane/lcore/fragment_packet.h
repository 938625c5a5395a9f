// Fragmentation of an IPv4 packet that is too large for its egress port (RFC 791).
#pragma once

#include <cstdint>
#include <span>

struct rte_mbuf;
struct rte_mempool;

namespace lb {

// A jumbo frame and an MTU of 576 make 17.
inline constexpr unsigned kMaxFragments = 32;

// The fragments of `whole`, whose IPv4 header is `l3` bytes into the frame and whose IPv4 part has
// `ip_len` bytes: copies in buffers of their own from `pool`, each with the Ethernet header, each
// at most `mtu` bytes of IPv4. Returns their number, 0 when it cannot be done. The caller still
// owns and frees `whole`; its data has been moved.
unsigned fragment_packet(rte_mbuf* whole, unsigned l3, std::uint16_t ip_len, std::uint16_t mtu,
                         rte_mempool* pool, std::span<rte_mbuf*, kMaxFragments> fragments);

}  // namespace lb
