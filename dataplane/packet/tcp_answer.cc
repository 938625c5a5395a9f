// TCP segments of the director's own (RFC 9293).
#include "dataplane/packet/answer.h"
#include "dataplane/packet/checksum.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rewrite.h"
#include "dataplane/packet/tcp_segment.h"

namespace lb {

namespace {

using wire::store;

constexpr std::uint16_t kIpBytes = wire::kIpBytes + wire::kTcpBytes;

struct BareSegment {
  FlowTuple tuple;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgment = 0;
  std::uint8_t flags = 0;
  std::uint16_t window = 0;
};

// IPv4 and TCP header, no options, no payload: kIpBytes.
void write_segment(std::uint8_t* ip, const BareSegment& segment) {
  const FlowTuple& tuple = segment.tuple;
  write_ip_header(ip, {tuple.src, tuple.dst, kIpBytes, kProtoTcp, 0});
  std::uint8_t* tcp = ip + wire::kIpBytes;
  store(tcp, tuple.sport);
  store(tcp + 2, tuple.dport);
  store(tcp + wire::kTcpSequence, Be32::from_host(segment.sequence));
  store(tcp + wire::kTcpAcknowledgment, Be32::from_host(segment.acknowledgment));
  tcp[wire::kTcpDataOffset] = wire::kTcpBytes / 4 << 4;
  tcp[wire::kTcpFlags] = segment.flags;
  store(tcp + wire::kTcpWindow, Be16::from_host(segment.window));
  store(tcp + wire::kTcpChecksum, std::uint32_t{0});  // and the urgent pointer
  const std::uint64_t pseudo = sum_pseudo_header(tuple.src, tuple.dst, kProtoTcp, wire::kTcpBytes);
  store(tcp + wire::kTcpChecksum, checksum_of(sum_bytes(tcp, wire::kTcpBytes, pseudo)));
}

}  // namespace

bool make_reset(Packet& packet) {
  const bool is_whole = packet.kind == PacketKind::kData || packet.kind == PacketKind::kTcpControl;
  if (!is_whole || packet.proto != kProtoTcp || !has_unicast_macs(packet)) return false;
  const TcpSegment segment = tcp_segment(packet);
  if (segment.has(wire::kRst)) return false;

  BareSegment reset{.tuple = packet.tuple.reversed(), .flags = wire::kRst};
  if (segment.has(wire::kAck)) {
    reset.sequence = segment.ack;
  } else {
    reset.acknowledgment = segment.end;
    reset.flags |= wire::kAck;
  }
  swap_macs(packet.data);
  write_segment(packet.data + packet.l3, reset);

  packet.len = static_cast<std::uint16_t>(packet.l3 + kIpBytes);
  packet.ip_len = kIpBytes;
  packet.l4 = static_cast<std::uint8_t>(packet.l3 + wire::kIpBytes);
  packet.tcp_flags = reset.flags;
  packet.tuple = reset.tuple;
  packet.kind = PacketKind::kTcpControl;
  return true;
}

std::uint16_t make_probe(std::uint8_t* buffer, const FlowTuple& tuple, ClientHop hop,
                         const std::uint8_t* source_mac) {
  const unsigned l2 = l2_bytes(hop);
  write_l2(buffer, hop, source_mac);
  // Any number would do: which ones the receiver's window holds is not known here.
  write_segment(buffer + l2, {.tuple = tuple, .flags = wire::kAck, .window = 0xffff});
  return static_cast<std::uint16_t>(l2 + kIpBytes);
}

}  // namespace lb
