// The numbers of a TCP segment (RFC 9293 3.4), read from a parsed packet.
#pragma once

#include <cstdint>

#include "dataplane/packet/packet.h"
#include "dataplane/packet/wire.h"

namespace lb {

struct TcpSegment {
  std::uint8_t flags = 0;
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::uint32_t end = 0;  // seq + SEG.LEN: payload, and one each for SYN and FIN

  constexpr bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
};

// The sequence number of a TCP packet with an L4 header.
inline std::uint32_t tcp_sequence(const Packet& packet) {
  return wire::load<Be32>(packet.data + packet.l4 + wire::kTcpSequence).host();
}

// Of a TCP packet with an L4 header. In the first fragment of a segment `end` is the fragment's.
inline TcpSegment tcp_segment(const Packet& packet) {
  const std::uint8_t* tcp = packet.data + packet.l4;
  const unsigned header_bytes = (tcp[wire::kTcpDataOffset] >> 4) * 4u;
  TcpSegment segment{.flags = packet.tcp_flags, .seq = tcp_sequence(packet)};
  segment.ack = wire::load<Be32>(tcp + wire::kTcpAcknowledgment).host();
  segment.end = segment.seq + packet.l3 + packet.ip_len - packet.l4 - header_bytes +
                (segment.has(wire::kSyn) ? 1 : 0) + (segment.has(wire::kFin) ? 1 : 0);
  return segment;
}

}  // namespace lb
