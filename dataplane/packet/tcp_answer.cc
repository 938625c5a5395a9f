// TCP segments of the director's own (RFC 9293).
#include <cstring>

#include "dataplane/packet/answer.h"
#include "dataplane/packet/checksum.h"
#include "dataplane/packet/own_segment.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rewrite.h"
#include "dataplane/packet/tcp_options.h"
#include "dataplane/packet/tcp_segment.h"

namespace lb {

namespace {

using wire::store;

std::uint8_t* put_nops(std::uint8_t* at, unsigned count) {
  std::memset(at, tcp_option::kNop, count);
  return at + count;
}

std::uint8_t* put_offer(std::uint8_t* at, const SynOffer& offer, bool timestamps_follow) {
  at[0] = tcp_option::kMss;
  at[1] = tcp_option::kMssBytes;
  store(at + 2, Be16::from_host(offer.mss));
  at += tcp_option::kMssBytes;
  if (offer.window_scale != kNoWindowScale) {
    at = put_nops(at, 1);
    at[0] = tcp_option::kWindowScale;
    at[1] = tcp_option::kWindowScaleBytes;
    at[2] = offer.window_scale;
    at += tcp_option::kWindowScaleBytes;
  }
  if (offer.sack) {
    // With timestamps it stands in the place of their padding.
    if (!timestamps_follow) at = put_nops(at, 2);
    at[0] = tcp_option::kSackPermitted;
    at[1] = tcp_option::kSackPermittedBytes;
    at += tcp_option::kSackPermittedBytes;
  }
  return at;
}

// Each part is a multiple of four bytes.
unsigned put_options(std::uint8_t* options, const OwnSegment& segment) {
  std::uint8_t* at = options;
  const bool is_syn = (segment.flags & wire::kSyn) != 0;
  if (is_syn) at = put_offer(at, segment.offer, segment.timestamps);
  if (segment.timestamps) {
    if (!is_syn || !segment.offer.sack) at = put_nops(at, 2);
    at[0] = tcp_option::kTimestamps;
    at[1] = tcp_option::kTimestampsBytes;
    store(at + tcp_option::kTimestampValue, Be32::from_host(segment.timestamp_value));
    store(at + tcp_option::kTimestampEcho, Be32::from_host(segment.timestamp_echo));
    at += tcp_option::kTimestampsBytes;
  }
  return static_cast<unsigned>(at - options);
}

unsigned bytes_of(const OwnSegment& segment) {
  const bool is_syn = (segment.flags & wire::kSyn) != 0;
  unsigned options = 0;
  if (is_syn) {
    options += 4u;
    if (segment.offer.window_scale != kNoWindowScale) options += 4;
    if (segment.offer.sack && !segment.timestamps) options += 4;
  }
  if (segment.timestamps) options += 12;
  return wire::kIpBytes + wire::kTcpBytes + options;
}

}  // namespace

std::uint16_t write_segment(std::uint8_t* ip, const FlowTuple& tuple, const OwnSegment& segment) {
  std::uint8_t* const tcp = ip + wire::kIpBytes;
  const unsigned tcp_bytes = wire::kTcpBytes + put_options(tcp + wire::kTcpBytes, segment);
  const auto ip_bytes = static_cast<std::uint16_t>(wire::kIpBytes + tcp_bytes);
  write_ip_header(ip, {tuple.src, tuple.dst, ip_bytes, kProtoTcp, segment.tos});
  store(tcp, tuple.sport);
  store(tcp + 2, tuple.dport);
  store(tcp + wire::kTcpSequence, Be32::from_host(segment.seq));
  store(tcp + wire::kTcpAcknowledgment, Be32::from_host(segment.ack));
  tcp[wire::kTcpDataOffset] = static_cast<std::uint8_t>(tcp_bytes / 4 << 4);
  tcp[wire::kTcpFlags] = segment.flags;
  store(tcp + wire::kTcpWindow, Be16::from_host(segment.window));
  store(tcp + wire::kTcpChecksum, std::uint32_t{0});  // and the urgent pointer
  const std::uint64_t pseudo =
      sum_pseudo_header(tuple.src, tuple.dst, kProtoTcp, static_cast<std::uint16_t>(tcp_bytes));
  store(tcp + wire::kTcpChecksum, checksum_of(sum_bytes(tcp, tcp_bytes, pseudo)));
  return ip_bytes;
}

std::uint16_t write_segment_frame(std::uint8_t* frame, const FlowTuple& tuple,
                                  const OwnSegment& segment, ClientHop hop,
                                  const std::uint8_t* source_mac) {
  const unsigned l2 = l2_bytes(hop);
  write_l2(frame, hop, source_mac);
  return static_cast<std::uint16_t>(l2 + write_segment(frame + l2, tuple, segment));
}

bool make_segment(Packet& packet, const FlowTuple& tuple, const OwnSegment& segment) {
  const unsigned bytes = packet.l3 + bytes_of(segment);
  const unsigned longer = bytes > packet.len ? bytes - packet.len : 0;
  if (longer > packet.headroom) return false;
  if (longer != 0) {
    std::memmove(packet.data - longer, packet.data, packet.l3);
    packet.data -= longer;
    packet.headroom = static_cast<std::uint16_t>(packet.headroom - longer);
  }
  packet.ip_len = write_segment(packet.data + packet.l3, tuple, segment);
  packet.len = static_cast<std::uint16_t>(packet.l3 + packet.ip_len);
  packet.l4 = static_cast<std::uint8_t>(packet.l3 + wire::kIpBytes);
  packet.tcp_flags = segment.flags;
  packet.tuple = tuple;
  packet.kind = (segment.flags & (wire::kSyn | wire::kFin | wire::kRst)) != 0
                    ? PacketKind::kTcpControl
                    : PacketKind::kData;
  return true;
}

bool make_reset(Packet& packet) {
  const bool is_whole = packet.kind == PacketKind::kData || packet.kind == PacketKind::kTcpControl;
  if (!is_whole || packet.proto != kProtoTcp || !has_unicast_macs(packet)) return false;
  const TcpSegment segment = tcp_segment(packet);
  if (segment.has(wire::kRst)) return false;

  OwnSegment reset{.flags = wire::kRst, .window = 0};
  if (segment.has(wire::kAck)) {
    reset.seq = segment.ack;
  } else {
    reset.ack = segment.end;
    reset.flags |= wire::kAck;
  }
  swap_macs(packet.data);
  return make_segment(packet, packet.tuple.reversed(), reset);
}

}  // namespace lb
