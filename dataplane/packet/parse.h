// The bounds-checked view: no header byte is read before it is known to lie within the packet.
#pragma once

#include "dataplane/packet/fragment_table.h"
#include "dataplane/packet/packet.h"
#include "dataplane/packet/wire.h"

namespace lb {

// Fills kind, reason, ip_len, vlan, l3, l4, proto, tcp_flags, tuple of a packet whose data, len,
// headroom and ingress are set. IPv4 in Ethernet, one 802.1Q tag at most (a second one: kKernel).
// The IPv4 header checksum is verified unless csum_known_good. IP options are allowed. Ethernet
// padding behind the IPv4 packet is allowed. The TTL is not looked at.
//
// l3 is 0 unless an IPv4 header was found and is sound; then ip_len, l4, proto and the addresses
// of the tuple are set too, whatever the kind. kKernel is also what a router may not forward:
// source or destination in 0/8, 127/8, 224/4 or 240/4 (RFC 1812 5.3.7).
void parse(Packet& packet);

// ---- of a packet in which parse() found an IPv4 header (l3 != 0; every kind but kKernel and kBad)

inline std::uint8_t ttl(const Packet& packet) {
  return packet.data[packet.l3 + wire::kIpTtl];
}

inline bool dont_fragment(const Packet& packet) {
  const std::uint16_t bits = wire::load<std::uint16_t>(packet.data + packet.l3 + wire::kIpFragment);
  return (bits & wire::kIpDontFragment.raw) != 0;
}

// False for the fragments that follow the first one: they carry no ports.
inline bool has_l4(const Packet& packet) {
  const std::uint16_t bits = wire::load<std::uint16_t>(packet.data + packet.l3 + wire::kIpFragment);
  return (bits & wire::kIpOffsetBits.raw) == 0;
}

// Of a fragment: the one with the L4 header.
inline bool is_first_fragment(const Packet& packet) {
  return has_l4(packet);
}

inline FragmentKey fragment_key(const Packet& packet) {
  return {packet.tuple.src, packet.tuple.dst,
          wire::load<Be16>(packet.data + packet.l3 + wire::kIpId), packet.proto};
}

}  // namespace lb
