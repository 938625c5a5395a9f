// ICMP errors: those of others about our connections, and our own (RFC 792, RFC 1812 4.3.2).
#include <algorithm>
#include <cstring>

#include "dataplane/packet/answer.h"
#include "dataplane/packet/checksum.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rewrite.h"

namespace lb {

namespace {

using wire::load;
using wire::store;

bool refuse(Packet& packet, DropReason reason) {
  packet.reason = reason;
  return false;
}

bool is_icmp_checksum_right(const Packet& packet) {
  const std::size_t icmp_bytes = packet.l3 + std::size_t{packet.ip_len} - packet.l4;
  return fold(sum_bytes(packet.data + packet.l4, icmp_bytes)) == 0xffff;
}

}  // namespace

bool parse_icmp_quote(Packet& packet, IcmpQuote& quote) {
  const unsigned end = packet.l3 + unsigned{packet.ip_len};
  const unsigned inner_l3 = packet.l4 + wire::kIcmpBytes;
  if (inner_l3 + wire::kIpBytes > end) return refuse(packet, DropReason::bad_icmp_quote);
  const std::uint8_t* ip = packet.data + inner_l3;
  const unsigned header_bytes = (ip[0] & 0xf) * 4u;
  if ((ip[0] >> 4) != 4 || header_bytes < wire::kIpBytes) {
    return refuse(packet, DropReason::bad_icmp_quote);
  }

  const std::uint8_t proto = ip[wire::kIpProtocol];
  const auto fragment_bits = load<std::uint16_t>(ip + wire::kIpFragment);
  if ((proto != kProtoTcp && proto != kProtoUdp) ||
      (fragment_bits & wire::kIpOffsetBits.raw) != 0) {
    return refuse(packet, DropReason::none);
  }

  const unsigned inner_l4 = inner_l3 + header_bytes;
  if (inner_l4 + wire::kQuotedL4Bytes > end) return refuse(packet, DropReason::bad_icmp_quote);
  if (!is_icmp_checksum_right(packet)) return refuse(packet, DropReason::bad_icmp_checksum);

  const std::uint8_t* l4 = packet.data + inner_l4;
  quote.tuple = {load<Be32>(ip + wire::kIpSource), load<Be32>(ip + wire::kIpDestination),
                 load<Be16>(l4), load<Be16>(l4 + 2)};
  quote.proto = proto;
  quote.inner_l3 = static_cast<std::uint8_t>(inner_l3);
  quote.inner_l4 = static_cast<std::uint8_t>(inner_l4);
  packet.reason = DropReason::none;
  return true;
}

void rewrite_icmp_error(Packet& packet, const IcmpQuote& quote, Be32 outer_src, Be32 outer_dst,
                        const FlowTuple& inner_to) {
  const unsigned end = packet.l3 + unsigned{packet.ip_len};
  const Deltas inner = deltas(quote.tuple, inner_to);

  // Incrementally, since the quote is cut short and since a sender's mistake has to stay one.
  std::uint8_t* ip = packet.data + quote.inner_l3;
  const auto ip_checksum = load<std::uint16_t>(ip + wire::kIpChecksum);
  store(ip + wire::kIpChecksum, update_checksum(ip_checksum, inner.ip));
  store(ip + wire::kIpSource, inner_to.src);
  store(ip + wire::kIpDestination, inner_to.dst);

  std::uint8_t* l4 = packet.data + quote.inner_l4;
  store(l4, inner_to.sport);
  store(l4 + 2, inner_to.dport);
  if (quote.proto == kProtoUdp) {
    const auto checksum = load<std::uint16_t>(l4 + wire::kUdpChecksum);
    store(l4 + wire::kUdpChecksum, update_udp_checksum(checksum, inner.l4));
  } else if (quote.inner_l4 + wire::kTcpChecksum + 2 <= end) {
    const auto checksum = load<std::uint16_t>(l4 + wire::kTcpChecksum);
    store(l4 + wire::kTcpChecksum, update_checksum(checksum, inner.l4));
  }

  // Anew: parse_icmp_quote() has just found the old one right.
  std::uint8_t* icmp = packet.data + packet.l4;
  store(icmp + wire::kIcmpChecksum, std::uint16_t{0});
  store(icmp + wire::kIcmpChecksum, checksum_of(sum_bytes(icmp, end - packet.l4)));

  const FlowTuple from{packet.tuple.src, packet.tuple.dst, {}, {}};
  const FlowTuple to{outer_src, outer_dst, {}, {}};
  rewrite_nat(packet, to, deltas(from, to), false);
}

namespace {

constexpr std::uint8_t kInternetworkControl = 0xc0;  // precedence of ICMP errors, RFC 1812 4.3.2.5
constexpr unsigned kMostErrorBytes = 576;            // RFC 1812 4.3.2.3
constexpr unsigned kOwnHeaderBytes = wire::kIpBytes + wire::kIcmpBytes;

// RFC 1122 3.2.2. Addresses that are no host's never get beyond parse(), which leaves their kind
// at kKernel.
bool may_be_answered(const Packet& packet) {
  switch (packet.kind) {
    case PacketKind::kData:
    case PacketKind::kTcpControl:
    case PacketKind::kFragment:
      return has_l4(packet) && has_unicast_macs(packet);
    case PacketKind::kIcmpError:
    case PacketKind::kKernel:
    case PacketKind::kBad:
      return false;
  }
  return false;
}

}  // namespace

bool make_icmp_error(Packet& packet, std::uint8_t type, std::uint8_t code, std::uint16_t mtu,
                     Be32 source) {
  if (source == Be32{} || !may_be_answered(packet)) return false;
  const unsigned room = unsigned{packet.headroom} + packet.len;  // for the whole new frame
  const unsigned in_front = packet.l3 + kOwnHeaderBytes;
  const unsigned least = packet.l4 - unsigned{packet.l3} + wire::kQuotedL4Bytes;
  if (in_front + least > room) return false;
  const unsigned quote_bytes =
      std::min({unsigned{packet.ip_len}, kMostErrorBytes - kOwnHeaderBytes, room - in_front});

  // Into the headroom as far as it goes; the quote makes room for the rest.
  const unsigned ahead = std::min(unsigned{packet.headroom}, kOwnHeaderBytes);
  std::uint8_t* frame = packet.data - ahead;
  std::uint8_t* ip = frame + packet.l3;
  std::uint8_t* icmp = ip + wire::kIpBytes;
  std::memmove(icmp + wire::kIcmpBytes, packet.data + packet.l3, quote_bytes);
  std::memmove(frame, packet.data, packet.l3);
  swap_macs(frame);

  std::memset(icmp, 0, wire::kIcmpBytes);
  icmp[wire::kIcmpType] = type;
  icmp[wire::kIcmpCode] = code;
  store(icmp + wire::kIcmpMtu, Be16::from_host(mtu));
  store(icmp + wire::kIcmpChecksum, checksum_of(sum_bytes(icmp, wire::kIcmpBytes + quote_bytes)));
  const auto ip_bytes = static_cast<std::uint16_t>(kOwnHeaderBytes + quote_bytes);
  write_ip_header(ip, {source, packet.tuple.src, ip_bytes, kProtoIcmp, kInternetworkControl});

  packet.data = frame;
  packet.headroom = static_cast<std::uint16_t>(packet.headroom - ahead);
  packet.len = static_cast<std::uint16_t>(packet.l3 + ip_bytes);
  packet.ip_len = ip_bytes;
  packet.l4 = static_cast<std::uint8_t>(packet.l3 + wire::kIpBytes);
  packet.proto = kProtoIcmp;
  packet.tcp_flags = 0;
  packet.tuple = {source, packet.tuple.src, {}, {}};
  packet.kind = PacketKind::kIcmpError;
  return true;
}

}  // namespace lb
