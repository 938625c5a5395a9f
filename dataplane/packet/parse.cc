#include "dataplane/packet/parse.h"

#include "dataplane/packet/checksum.h"

namespace lb {

namespace {

using wire::load;

void bad(Packet& packet, DropReason reason) {
  packet.kind = PacketKind::kBad;
  packet.reason = reason;
}

bool is_ip_checksum_right(const std::uint8_t* ip, unsigned header_bytes) {
  std::uint64_t sum = sum_ip_header(ip);
  if (header_bytes > wire::kIpBytes) [[unlikely]] {
    sum = sum_bytes(ip + wire::kIpBytes, header_bytes - wire::kIpBytes, sum);
  }
  return fold(sum) == 0xffff;
}

// Loose and strict source and record route (RFC 791 3.1, RFC 7126 4.3 and 4.4). What follows a
// malformed option is nobody's to interpret.
bool is_source_routed(const std::uint8_t* ip, unsigned header_bytes) {
  constexpr std::uint8_t kEnd = 0, kNoOperation = 1, kLooseRoute = 131, kStrictRoute = 137;
  for (unsigned at = wire::kIpBytes; at < header_bytes && ip[at] != kEnd;) {
    if (ip[at] == kLooseRoute || ip[at] == kStrictRoute) return true;
    if (ip[at] == kNoOperation) {
      ++at;
      continue;
    }
    if (at + 1 >= header_bytes || ip[at + 1] < 2) return false;
    at += ip[at + 1];
  }
  return false;
}

// From 0/8, 127/8, a group or 240/4 (RFC 1122 3.2.1.3). A machine that asks for an address has
// 0.0.0.0, and so has a switch that asks for members of groups (RFC 2131 4.1, RFC 3376 4.1.12): both
// send to all or to a group.
bool is_martian(Be32 source, Be32 destination) {
  if (is_routable(source)) return false;
  const bool to_many = (destination.raw & 0xff) >= 224;
  return source.raw != 0 || !to_many;
}

// Of a packet whose header lies within the frame; sets the addresses.
DropReason address_fault(Packet& packet, const std::uint8_t* ip, unsigned header_bytes) {
  packet.tuple.src = load<Be32>(ip + wire::kIpSource);
  packet.tuple.dst = load<Be32>(ip + wire::kIpDestination);
  if (header_bytes > wire::kIpBytes && is_source_routed(ip, header_bytes)) [[unlikely]] {
    return DropReason::source_routed;
  }
  const bool martian = is_martian(packet.tuple.src, packet.tuple.dst);
  return martian ? DropReason::martian_source : DropReason::none;
}

void load_ports(Packet& packet, const std::uint8_t* l4) {
  packet.tuple.sport = load<Be16>(l4);
  packet.tuple.dport = load<Be16>(l4 + 2);
}

void parse_tcp(Packet& packet, const std::uint8_t* l4, unsigned l4_bytes) {
  if (l4_bytes < wire::kTcpBytes) return bad(packet, DropReason::bad_l4_header);
  const unsigned header_bytes = (l4[wire::kTcpDataOffset] >> 4) * 4u;
  if (header_bytes < wire::kTcpBytes || header_bytes > l4_bytes) {
    return bad(packet, DropReason::bad_l4_header);
  }
  load_ports(packet, l4);
  packet.tcp_flags = l4[wire::kTcpFlags];
  const bool is_control = (packet.tcp_flags & (wire::kSyn | wire::kFin | wire::kRst)) != 0;
  packet.kind = is_control ? PacketKind::kTcpControl : PacketKind::kData;
}

void parse_udp(Packet& packet, const std::uint8_t* l4, unsigned l4_bytes) {
  if (l4_bytes < wire::kUdpBytes) return bad(packet, DropReason::bad_l4_header);
  const unsigned udp_bytes = load<Be16>(l4 + wire::kUdpLength).host();
  if (udp_bytes < wire::kUdpBytes || udp_bytes > l4_bytes) {
    return bad(packet, DropReason::bad_l4_header);
  }
  load_ports(packet, l4);
  packet.kind = PacketKind::kData;
}

// The first fragment has to hold the whole L4 header: the decision is made by it alone (RFC 1858
// section 3 for why a shorter one is an attack).
void parse_fragment(Packet& packet, const std::uint8_t* l4, unsigned l4_bytes) {
  if (packet.proto != kProtoTcp && packet.proto != kProtoUdp) return;
  packet.kind = PacketKind::kFragment;
  if (!has_l4(packet)) return;
  if (packet.proto == kProtoTcp) {
    if (l4_bytes < wire::kTcpBytes) return bad(packet, DropReason::fragment_too_short);
    const unsigned header_bytes = (l4[wire::kTcpDataOffset] >> 4) * 4u;
    if (header_bytes < wire::kTcpBytes) return bad(packet, DropReason::bad_l4_header);
    if (header_bytes > l4_bytes) return bad(packet, DropReason::fragment_too_short);
    packet.tcp_flags = l4[wire::kTcpFlags];
  } else {
    if (l4_bytes < wire::kUdpBytes) return bad(packet, DropReason::fragment_too_short);
    if (load<Be16>(l4 + wire::kUdpLength).host() < wire::kUdpBytes) {
      return bad(packet, DropReason::bad_l4_header);
    }
  }
  load_ports(packet, l4);
}

void parse_icmp(Packet& packet, const std::uint8_t* l4, unsigned l4_bytes) {
  if (l4_bytes < wire::kIcmpBytes) return;
  switch (l4[wire::kIcmpType]) {
    case wire::kUnreachable:
    case wire::kSourceQuench:
    case wire::kTimeExceeded:
    case wire::kParameterProblem:
      packet.kind = PacketKind::kIcmpError;
      break;
    default:
      break;
  }
}

void parse_ipv4(Packet& packet, unsigned l3) {
  const std::uint8_t* ip = packet.data + l3;
  if (packet.len < l3 + wire::kIpBytes) return bad(packet, DropReason::truncated);
  const unsigned header_bytes = (ip[0] & 0xf) * 4u;
  const unsigned ip_bytes = load<Be16>(ip + wire::kIpLength).host();
  if ((ip[0] >> 4) != 4 || header_bytes < wire::kIpBytes || ip_bytes < header_bytes) {
    return bad(packet, DropReason::bad_ip_header);
  }
  if (ip_bytes > packet.len - l3) return bad(packet, DropReason::truncated);
  if (!packet.csum_known_good && !is_ip_checksum_right(ip, header_bytes)) {
    return bad(packet, DropReason::bad_ip_checksum);
  }

  packet.l3 = static_cast<std::uint8_t>(l3);
  packet.l4 = static_cast<std::uint8_t>(l3 + header_bytes);
  packet.ip_len = static_cast<std::uint16_t>(ip_bytes);
  packet.proto = ip[wire::kIpProtocol];
  if (const DropReason fault = address_fault(packet, ip, header_bytes); fault != DropReason::none) {
    return bad(packet, fault);
  }
  if (!is_routable(packet.tuple.src) || !is_routable(packet.tuple.dst)) return;

  const std::uint8_t* l4 = ip + header_bytes;
  const unsigned l4_bytes = ip_bytes - header_bytes;
  const std::uint16_t fragment_bits = load<std::uint16_t>(ip + wire::kIpFragment);
  if ((fragment_bits & wire::kIpFragmentBits.raw) != 0) [[unlikely]] {
    return parse_fragment(packet, l4, l4_bytes);
  }
  if (packet.proto == kProtoTcp) return parse_tcp(packet, l4, l4_bytes);
  if (packet.proto == kProtoUdp) return parse_udp(packet, l4, l4_bytes);
  if (packet.proto == kProtoIcmp) return parse_icmp(packet, l4, l4_bytes);
}

// To a group: the kernel checks the rest.
void parse_ipv4_to_group(Packet& packet, unsigned l3) {
  const std::uint8_t* ip = packet.data + l3;
  if (packet.len < l3 + wire::kIpBytes) return;
  const unsigned header_bytes = (ip[0] & 0xf) * 4u;
  if (header_bytes < wire::kIpBytes || packet.len < l3 + header_bytes) return;
  packet.proto = ip[wire::kIpProtocol];
  const DropReason fault = address_fault(packet, ip, header_bytes);
  if (fault != DropReason::none) bad(packet, fault);
}

}  // namespace

void parse(Packet& packet) {
  // What nothing below claims is the kernel's.
  packet.kind = PacketKind::kKernel;
  packet.reason = DropReason::none;
  packet.tuple = {};
  packet.ip_len = 0;
  packet.vlan = 0;
  packet.l3 = 0;
  packet.l4 = 0;
  packet.proto = 0;
  packet.tcp_flags = 0;

  const std::uint8_t* frame = packet.data;
  if (packet.len < wire::kEthBytes) return bad(packet, DropReason::truncated);
  Be16 type = load<Be16>(frame + wire::kEthType);
  unsigned l3 = wire::kEthBytes;
  if (type == wire::kTypeVlan) {
    if (packet.len < wire::kTaggedEthBytes) return bad(packet, DropReason::truncated);
    packet.vlan = load<Be16>(frame + wire::kVlanTci).host() & wire::kVlanIdMask;
    type = load<Be16>(frame + wire::kVlanType);
    l3 = wire::kTaggedEthBytes;
  }
  if (type != wire::kTypeIpv4) return;
  const bool to_group = (frame[0] & 1) != 0;
  return to_group ? parse_ipv4_to_group(packet, l3) : parse_ipv4(packet, l3);
}

}  // namespace lb
