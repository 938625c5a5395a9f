// The bounds-checked view: no header byte is read before it is known to lie within the packet.
#pragma once

#include "dataplane/packet/checksum.h"
#include "dataplane/packet/fragment_table.h"
#include "dataplane/packet/packet.h"
#include "dataplane/packet/wire.h"

namespace lb {

// Fills kind, reason, ip_len, vlan, l3, l4, proto, tcp_flags, tuple of a packet whose data, len,
// headroom and ingress are set. IPv4 in Ethernet, one 802.1Q tag at most (a second one: kKernel).
// The IPv4 header checksum is verified unless csum_known_good. IP options are allowed. Ethernet
// padding behind the IPv4 packet is allowed. The TTL is not checked.
//
// l3 is 0 unless an IPv4 header was found and is sound; then ip_len, l4, proto and the addresses
// of the tuple are set too, whatever the kind. Of IPv4 in a frame to a group, which only the kernel
// gets, addresses and proto alone are set.
//
// kBad is also what nobody sends honestly: from an address that no machine may have, or with a
// source route. kKernel is also what a router may not forward: destination in 0/8, 127/8, 224/4 or
// 240/4 (RFC 1812 5.3.7), and from 0.0.0.0 to a group or to all.
void parse(Packet& packet);

// Why a parsed packet is not honest all the same: its source MAC address is a group's (IEEE 802.3
// 3.2.3), or it comes from the address that it goes to. Apart from parsing, because packets of
// established connections need not be asked: no connection has such a client or such a hop.
inline DropReason source_fault(const Packet& packet) {
  if ((packet.data[wire::kEthSource] & 1) != 0) return DropReason::group_mac_source;
  const bool is_land = packet.tuple.src == packet.tuple.dst && packet.tuple.src.raw != 0;
  return is_land ? DropReason::land_packet : DropReason::none;
}

// The same of a packet like nearly all: untagged unicast, no IP options, a whole TCP or UDP packet
// without a mistake. False: it is not of these, and parse() decides. Sets what parse() sets.
inline bool parse_common(Packet& packet);

// An address that a router may forward from or to (RFC 1812 5.3.7): not 0/8, 127/8, 224/4, 240/4.
inline bool is_routable(Be32 address) {
  const std::uint32_t first = address.raw & 0xff;
  return first != 0 && first != 127 && first < 224;
}

inline bool parse_common(Packet& packet) {
  constexpr unsigned kL4 = wire::kEthBytes + wire::kIpBytes;
  // The type and the IP header's first byte, as this machine loads them.
  constexpr std::uint32_t kIpv4WithoutOptions = 0x450008;
  const std::uint8_t* frame = packet.data;
  if (packet.len < kL4 + wire::kTcpBytes) return false;
  const std::uint8_t* ip = frame + wire::kEthBytes;
  const std::uint8_t* l4 = frame + kL4;
  if ((wire::load<std::uint32_t>(frame + wire::kEthType) & 0xffffff) != kIpv4WithoutOptions ||
      (frame[0] & 1) != 0) {
    return false;
  }
  const auto fragment_bits = wire::load<std::uint16_t>(ip + wire::kIpFragment);
  const unsigned ip_bytes = wire::load<Be16>(ip + wire::kIpLength).host();
  const unsigned l4_bytes = ip_bytes - wire::kIpBytes;         // huge if the length is a lie
  packet.tuple = wire::load<FlowTuple>(ip + wire::kIpSource);  // the ports follow the addresses
  if ((fragment_bits & wire::kIpFragmentBits.raw) != 0 || ip_bytes > packet.len - wire::kEthBytes ||
      !is_routable(packet.tuple.src) || !is_routable(packet.tuple.dst)) {
    return false;
  }
  const std::uint8_t proto = ip[wire::kIpProtocol];
  std::uint8_t tcp_flags = 0;
  if (proto == kProtoUdp) {
    const unsigned udp_bytes = wire::load<Be16>(l4 + wire::kUdpLength).host();
    if (l4_bytes > ip_bytes || udp_bytes < wire::kUdpBytes || udp_bytes > l4_bytes) return false;
  } else if (proto == kProtoTcp) {
    const unsigned header_bytes = (l4[wire::kTcpDataOffset] >> 4) * 4u;
    if (l4_bytes > ip_bytes || header_bytes < wire::kTcpBytes || header_bytes > l4_bytes) {
      return false;
    }
    tcp_flags = l4[wire::kTcpFlags];
  } else {
    return false;
  }
  if (!packet.csum_known_good && fold(sum_ip_header(ip)) != 0xffff) return false;

  packet.ip_len = static_cast<std::uint16_t>(ip_bytes);
  packet.vlan = 0;
  packet.l3 = wire::kEthBytes;
  packet.l4 = kL4;
  packet.proto = proto;
  packet.tcp_flags = tcp_flags;
  packet.kind = (tcp_flags & (wire::kSyn | wire::kFin | wire::kRst)) != 0 ? PacketKind::kTcpControl
                                                                          : PacketKind::kData;
  packet.reason = DropReason::none;
  return true;
}

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
