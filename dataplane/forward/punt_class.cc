#include "dataplane/forward/punt_class.h"

#include <algorithm>
#include <optional>

#include "dataplane/packet/wire.h"

namespace lb {

namespace {

using wire::load;
using Frame = std::span<const std::uint8_t>;

constexpr Be16 kTypeArp = Be16::from_host(0x0806);
constexpr Be16 kTypeIpv6 = Be16::from_host(0x86dd);
// ARP of Ethernet and IPv4, RFC 826.
constexpr unsigned kArpOperation = 6, kArpSender = 14, kArpTarget = 24, kArpBytes = 28;
constexpr Be16 kArpRequest = Be16::from_host(1);
constexpr std::uint8_t kFromTheLink = 255;  // TTL or hop limit: no router has forwarded the packet

constexpr Be32 kVrrpGroup = Be32::from_host(0xe0000012);  // 224.0.0.18
constexpr unsigned kVrrpRouterId = 1;                     // RFC 9568 section 5.1

constexpr unsigned kIpv6NextHeader = 6;
constexpr unsigned kIpv6HopLimit = 7;
constexpr unsigned kIpv6Source = 8;
constexpr unsigned kIpv6Bytes = 40;
constexpr std::uint8_t kProtoIcmpv6 = 58;
// Router and neighbour solicitation and advertisement, redirect (RFC 4861 section 4).
constexpr std::uint8_t kNdFirst = 133, kNdLast = 137;

constexpr std::uint8_t kEchoReply = 0, kEchoRequest = 8;
constexpr unsigned kIcmpEchoId = 4;

constexpr std::uint16_t kBgpPort = 179;
// Of one hop: control and echo (RFC 5881 section 4). Of many: RFC 5883 section 4.
constexpr std::uint16_t kBfdControlPort = 3784, kBfdEchoPort = 3785, kBfdMultihopPort = 4784;
// Two BFD sessions, one each way, have different ports: known is the pair of addresses.
constexpr std::uint8_t kBfdPair = 255;  // in the place of a protocol: reserved (RFC 5237)
// Of the ports that Linux gives to sockets which asked for none: a datagram from there is a
// question, one from below is a server's answer.
constexpr std::uint16_t kFirstEphemeralPort = 32'768;

// An IPv4 packet that is no fragment.
struct Ipv4 {
  FlowTuple tuple;  // ports: of TCP and UDP
  std::uint8_t proto = 0;
  std::uint8_t ttl = 0;
  Frame l4;
  unsigned l4_bytes = 0;  // without what pads the frame; of a quoted packet more than `l4` has

  std::uint16_t sport() const { return tuple.sport.host(); }
  std::uint16_t dport() const { return tuple.dport.host(); }
};

bool has_ports(std::uint8_t proto) {
  return proto == kProtoTcp || proto == kProtoUdp;
}

// `packet` starts with the IP header; nullopt: it has no whole header.
std::optional<Ipv4> read_ipv4(Frame packet) {
  if (packet.size() < wire::kIpBytes) return std::nullopt;
  const std::uint8_t* const ip = packet.data();
  const unsigned header_bytes = (ip[0] & 0xf) * 4u;
  const unsigned ip_bytes = load<Be16>(ip + wire::kIpLength).host();
  const auto fragment = load<std::uint16_t>(ip + wire::kIpFragment);
  if (header_bytes < wire::kIpBytes || header_bytes > packet.size() ||
      (fragment & wire::kIpFragmentBits.raw) != 0) {
    return std::nullopt;
  }
  Ipv4 head{
      .tuple = {load<Be32>(ip + wire::kIpSource), load<Be32>(ip + wire::kIpDestination), {}, {}},
      .proto = ip[wire::kIpProtocol],
      .ttl = ip[wire::kIpTtl],
      .l4 = packet.subspan(header_bytes),
      .l4_bytes = ip_bytes - std::min(ip_bytes, header_bytes)};
  if (head.l4.size() < wire::kQuotedL4Bytes) return std::nullopt;
  if (has_ports(head.proto)) {
    head.tuple.sport = load<Be16>(head.l4.data());
    head.tuple.dport = load<Be16>(head.l4.data() + 2);
  }
  return head;
}

bool is_bfd(const Ipv4& head) {
  return head.proto == kProtoUdp &&
         (head.dport() == kBfdControlPort || head.dport() == kBfdEchoPort ||
          head.dport() == kBfdMultihopPort);
}

// Of BFD: a session of one hop has packets from the link alone (RFC 5881 section 5), so nobody
// beyond a router can send in the neighbour's name.
bool is_bfd_from_far(const Ipv4& head) {
  return head.dport() == kBfdControlPort && head.ttl != kFromTheLink;
}

bool is_bgp(const Ipv4& head) {
  return head.proto == kProtoTcp && (head.sport() == kBgpPort || head.dport() == kBgpPort);
}

// What is known of the director's own flows at a time (coarse tick).
struct Flows {
  const OwnFlows& own;
  std::uint32_t now;
  const HashKey& key() const { return own.key(); }
  OwnFlows::Known find(std::uint64_t flow) const { return own.find(flow, now); }
};

// Of packets to the director.
std::uint64_t flow_key(const FlowTuple& to_us, std::uint8_t proto, const HashKey& key) {
  return flow_hash(to_us, proto, key);
}
std::uint64_t bfd_key(const FlowTuple& to_us, const HashKey& key) {
  return flow_key({to_us.src, to_us.dst, {}, {}}, kBfdPair, key);
}
std::uint64_t echo_key(const FlowTuple& to_us, Frame icmp, const HashKey& key) {
  return flow_key({to_us.src, to_us.dst, load<Be16>(icmp.data() + kIcmpEchoId), {}}, kProtoIcmp,
                  key);
}

bool is_icmp_error(std::uint8_t type) {
  return type == wire::kUnreachable || type == wire::kTimeExceeded ||
         type == wire::kParameterProblem;
}

PuntClass class_of(OwnFlows::Known known) {
  switch (known) {
    case OwnFlows::Known::kOpened:
      return PuntClass::replies;
    case OwnFlows::Known::kAccepted:
      return PuntClass::sessions;
    case OwnFlows::Known::kNo:
      break;
  }
  return PuntClass::other;
}

// Any router on the way may send an error about a known flow: it is the flow's peer that has to
// get by with the limit, however many routers report.
Punt classify_icmp(const Ipv4& head, const Flows& flows) {
  const std::uint8_t type = head.l4[wire::kIcmpType];
  if (type == kEchoReply) {
    return {class_of(flows.find(echo_key(head.tuple, head.l4, flows.key()))), head.tuple.src.raw};
  }
  if (!is_icmp_error(type)) return {};
  const auto quoted = read_ipv4(head.l4.subspan(wire::kIcmpBytes));
  if (!quoted) return {};
  const FlowTuple replies = quoted->tuple.reversed();
  const std::uint64_t key = quoted->proto == kProtoIcmp
                                ? echo_key(replies, quoted->l4, flows.key())
                                : flow_key(replies, quoted->proto, flows.key());
  return {class_of(flows.find(key)), quoted->tuple.dst.raw};
}

// Of packets to the director; the source counts only above `other`.
Punt classify_own(const Ipv4& head, const Flows& flows) {
  if (head.proto == kProtoIcmp) return classify_icmp(head, flows);
  if (!has_ports(head.proto)) return {};
  const std::uint64_t address = head.tuple.src.raw;
  if (is_bfd(head)) {
    const bool known = !is_bfd_from_far(head) &&
                       flows.find(bfd_key(head.tuple, flows.key())) != OwnFlows::Known::kNo;
    return {known ? PuntClass::routing : PuntClass::other, address};
  }
  const OwnFlows::Known known = flows.find(flow_key(head.tuple, head.proto, flows.key()));
  if (known != OwnFlows::Known::kNo && is_bgp(head)) return {PuntClass::routing, address};
  return {class_of(known), address};
}

Punt classify_ipv4(Frame packet, const Snapshot& snapshot, const Flows& flows) {
  constexpr std::uint32_t kNetwork = Be32::from_host(0xffffff00).raw;
  if (packet.size() < wire::kIpBytes) return {};
  const std::uint64_t network = load<Be32>(packet.data() + wire::kIpSource).raw & kNetwork;
  const auto head = read_ipv4(packet);
  if (!head) return {PuntClass::other, network};
  const bool to_us = snapshot.is_local(head->tuple.dst);
  if (head->proto == kProtoVrrp && head->ttl == kFromTheLink &&
      (to_us || head->tuple.dst == kVrrpGroup)) {
    return {PuntClass::vrrp, head->tuple.src.raw | std::uint64_t{head->l4[kVrrpRouterId]} << 32};
  }
  const Punt own = to_us ? classify_own(*head, flows) : Punt{};
  return own.kind == PuntClass::other ? Punt{PuntClass::other, network} : own;
}

std::uint64_t mac_of_sender(Frame frame) {
  return std::uint64_t{load<std::uint16_t>(frame.data() + wire::kEthSource)} << 32 |
         load<std::uint32_t>(frame.data() + wire::kEthSource + 2);
}

// A router whose network is scanned asks for hosts that do not exist. The kernel keeps no neighbour
// for such a request, and it must not use up what the router needs to ask for the director.
Punt classify_arp(Frame packet, std::uint64_t source, const Snapshot& snapshot) {
  if (packet.size() < kArpBytes || load<Be16>(packet.data() + kArpOperation) != kArpRequest) {
    return {PuntClass::neighbours, source};
  }
  const auto sender = load<Be32>(packet.data() + kArpSender);
  const auto target = load<Be32>(packet.data() + kArpTarget);
  const bool gratuitous = target == sender;
  return {gratuitous || snapshot.is_local(target) ? PuntClass::neighbours : PuntClass::other,
          source};
}

Punt classify_ipv6(Frame packet, std::uint64_t mac) {
  if (packet.size() < kIpv6Bytes) return {PuntClass::other, mac};
  if (packet.size() > kIpv6Bytes && packet[kIpv6NextHeader] == kProtoIcmpv6 &&
      packet[kIpv6HopLimit] == kFromTheLink && packet[kIpv6Bytes] >= kNdFirst &&
      packet[kIpv6Bytes] <= kNdLast) {
    return {PuntClass::neighbours, mac};
  }
  return {PuntClass::other, load<std::uint64_t>(packet.data() + kIpv6Source)};
}

// The type of what is in the frame, and where it begins.
struct Payload {
  Be16 type;
  Frame bytes;
  std::uint16_t vlan = 0;  // 0: none
};
Payload payload_of(Frame frame) {
  if (frame.size() < wire::kEthBytes) return {};
  const Be16 type = load<Be16>(frame.data() + wire::kEthType);
  if (type != wire::kTypeVlan) return {type, frame.subspan(wire::kEthBytes)};
  if (frame.size() < wire::kTaggedEthBytes) return {};
  const std::uint16_t tci = load<Be16>(frame.data() + wire::kVlanTci).host();
  return {load<Be16>(frame.data() + wire::kVlanType), frame.subspan(wire::kTaggedEthBytes),
          static_cast<std::uint16_t>(tci & wire::kVlanIdMask)};
}

// A socket of the director has a connection that it opens (SYN), or that carries its data. A bare ACK
// shows nothing new: the kernel also answers strangers so, whose handshake is not through (RFC 9293
// 3.10.7.4).
void note_tcp(const Ipv4& head, std::uint64_t key, OwnFlows& flows, std::uint32_t now) {
  if (head.l4.size() < wire::kTcpBytes) return;
  const std::uint8_t flags = head.l4[wire::kTcpFlags];
  if ((flags & (wire::kRst | wire::kFin)) != 0) return flows.close(key, now);
  const bool opens = (flags & wire::kSyn) != 0;
  if (opens && (flags & wire::kAck) != 0) return;
  const unsigned header_bytes = (head.l4[wire::kTcpDataOffset] >> 4) * 4u;
  if (!opens && head.l4_bytes <= header_bytes) return flows.renew(key, now);
  flows.note(key, OwnFlows::Kind::kTcp, opens, now);
}

}  // namespace

Punt classify_punt(Frame frame, const Snapshot& snapshot, const OwnFlows& own_flows,
                   std::uint32_t now) {
  const Flows flows{own_flows, now};
  const Payload payload = payload_of(frame);
  if (payload.type == wire::kTypeIpv4) return classify_ipv4(payload.bytes, snapshot, flows);
  if (frame.size() < wire::kEthBytes) return {};
  const std::uint64_t mac = mac_of_sender(frame);
  if (payload.type == kTypeArp) {
    // A router may have one MAC address on many VLANs.
    return classify_arp(payload.bytes, mac | std::uint64_t{payload.vlan} << 48, snapshot);
  }
  if (payload.type == kTypeIpv6) return classify_ipv6(payload.bytes, mac);
  return {PuntClass::other, mac};
}

void note_own_flow(Frame frame, const Snapshot& snapshot, OwnFlows& flows, std::uint32_t now) {
  const Payload payload = payload_of(frame);
  if (payload.type != wire::kTypeIpv4) return;
  const auto head = read_ipv4(payload.bytes);
  if (!head || !snapshot.is_local(head->tuple.src)) return;
  const FlowTuple to_us = head->tuple.reversed();
  constexpr auto kKind = OwnFlows::Kind::kDatagram;
  if (is_bfd(*head)) return flows.note(bfd_key(to_us, flows.key()), kKind, true, now);
  const std::uint64_t key = flow_key(to_us, head->proto, flows.key());
  if (head->proto == kProtoTcp) return note_tcp(*head, key, flows, now);
  if (head->proto == kProtoUdp) {
    return flows.note(key, kKind, head->sport() >= kFirstEphemeralPort, now);
  }
  if (head->proto == kProtoIcmp && head->l4[wire::kIcmpType] == kEchoRequest) {
    flows.note(echo_key(to_us, head->l4, flows.key()), kKind, true, now);
  }
}

}  // namespace lb
