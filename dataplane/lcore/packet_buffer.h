// A packet buffer of DPDK as the pipeline's Packet, and back.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

#include "dataplane/packet/packet.h"

namespace lb {

// Flags of a received buffer that need special handling.
inline constexpr std::uint64_t kUnusual =
    RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_L4_CKSUM_BAD | RTE_MBUF_F_RX_IP_CKSUM_BAD;

inline bool ip_checksum_bad(std::uint64_t flags) {
  return (flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_BAD;
}
inline bool ip_checksum_good(std::uint64_t flags) {
  return (flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD;
}
inline bool checksums_good(std::uint64_t flags) {
  return ip_checksum_good(flags) &&
         (flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD;
}
inline bool l4_checksum_bad(std::uint64_t flags) {
  return (flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_BAD;
}

inline rte_mbuf* buffer_of(const Packet& packet) {
  return static_cast<rte_mbuf*>(packet.cookie);
}

inline void describe(rte_mbuf* buffer, std::uint8_t port, Packet& packet) {
  // Field by field: parsing and the verdict fill in the others.
  packet.data = rte_pktmbuf_mtod(buffer, std::uint8_t*);
  packet.cookie = buffer;
  packet.len = buffer->data_len;
  packet.headroom = buffer->data_off;
  packet.ingress = port;
  packet.verdict = Verdict::kDrop;
  packet.csum_known_good = ip_checksum_good(buffer->ol_flags);
}

// The pipeline may have moved the start and changed the length.
inline void write_back(const Packet& packet) {
  rte_mbuf* buffer = buffer_of(packet);
  buffer->data_off =
      static_cast<std::uint16_t>(packet.data - static_cast<const std::uint8_t*>(buffer->buf_addr));
  buffer->data_len = packet.len;
  buffer->pkt_len = packet.len;
}

}  // namespace lb
