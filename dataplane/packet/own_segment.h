// TCP segments of the director's own, with options.
#pragma once

#include <cstdint>

#include "dataplane/packet/hop.h"
#include "dataplane/packet/packet.h"
#include "dataplane/packet/syn_cookie.h"

namespace lb {

// By default a bare ACK that is a probe: its sequence number is out of any window but for a rare
// chance, so that its receiver answers with an ACK that has the right one (RFC 9293 3.10.7.4).
struct OwnSegment {
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::uint8_t flags = wire::kAck;
  std::uint16_t window = 0xffff;
  std::uint8_t tos = 0;
  // Options. MSS, window scale and SACK permitted of a SYN or SYN-ACK alone.
  SynOffer offer = {};
  bool timestamps = false;
  std::uint32_t timestamp_value = 0;
  std::uint32_t timestamp_echo = 0;

  bool operator==(const OwnSegment&) const = default;
};

inline constexpr unsigned kMostOwnSegmentBytes = wire::kIpBytes + wire::kTcpBytes + 20;

// Writes an IPv4 packet with the segment from tuple.src to tuple.dst to `ip`; returns its length, at most
// kMostOwnSegmentBytes.
std::uint16_t write_segment(std::uint8_t* ip, const FlowTuple& tuple, const OwnSegment& segment);

// The same as a frame, to `hop`; at most 18 bytes more.
std::uint16_t write_segment_frame(std::uint8_t* frame, const FlowTuple& tuple,
                                  const OwnSegment& segment, ClientHop hop,
                                  const std::uint8_t* source_mac);

// Turns a packet with an L4 header into the segment: all behind its Ethernet header, which stays.
// False (packet unchanged): no room in front for a longer one. Verdict and egress stay the caller's.
bool make_segment(Packet& packet, const FlowTuple& tuple, const OwnSegment& segment);

}  // namespace lb
