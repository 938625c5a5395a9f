#include "dataplane/lcore/fragment_packet.h"

#include <rte_ip.h>
#include <rte_ip_frag.h>
#include <rte_mbuf.h>

#include <cstring>

namespace lb {

unsigned fragment_packet(rte_mbuf* whole, unsigned l3, std::uint16_t ip_len, std::uint16_t mtu,
                         rte_mempool* pool, std::span<rte_mbuf*, kMaxFragments> fragments) {
  const auto* ethernet = rte_pktmbuf_mtod(whole, const std::uint8_t*);
  const unsigned padding = rte_pktmbuf_pkt_len(whole) - l3 - ip_len;
  if (rte_pktmbuf_trim(whole, static_cast<std::uint16_t>(padding)) != 0 ||
      rte_pktmbuf_adj(whole, static_cast<std::uint16_t>(l3)) == nullptr) {
    return 0;
  }
  const std::int32_t made =
      rte_ipv4_fragment_copy_nonseg_packet(whole, fragments.data(), kMaxFragments, mtu, pool);
  if (made <= 0) return 0;
  for (std::int32_t i = 0; i < made; ++i) {
    rte_mbuf* piece = fragments[static_cast<std::size_t>(i)];
    piece->ol_flags = 0;
    auto* header = rte_pktmbuf_mtod(piece, rte_ipv4_hdr*);
    header->hdr_checksum = 0;
    header->hdr_checksum = rte_ipv4_cksum(header);
    // A fresh buffer's headroom holds any Ethernet header.
    char* front = rte_pktmbuf_prepend(piece, static_cast<std::uint16_t>(l3));
    std::memcpy(front, ethernet, l3);
  }
  return static_cast<unsigned>(made);
}

}  // namespace lb
