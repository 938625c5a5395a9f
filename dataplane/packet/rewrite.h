// In-place changes of a parsed packet and packets made out of one. Checksums by RFC 1624 (eqn. 3).
// The packet's tuple, vlan and kind stay as parsed, except where a packet is made out of it.
#pragma once

#include <cstdint>

#include "dataplane/packet/checksum.h"
#include "dataplane/packet/hop.h"
#include "dataplane/packet/packet.h"
#include "dataplane/packet/wire.h"

namespace lb {

// Of a packet whose addresses and ports change from `from` to `to`.
Deltas deltas(const FlowTuple& from, const FlowTuple& to);

// New addresses and ports, both checksums corrected, TTL lowered by one: the caller has seen that
// it is above 1. A UDP checksum of 0 stays 0. For a later fragment (no L4 header) only the IPv4
// part is done.
inline void rewrite_nat(Packet& packet, const FlowTuple& to, Deltas delta, bool has_l4) {
  // The TTL is the low byte of its word as this machine loads it: ~m + (m - 1) is 0xfffe.
  constexpr std::uint32_t kTtlDelta = 0xfffe;
  // Read before the first byte is written: a byte may be anybody's, as far as the compiler knows.
  std::uint8_t* const ip = packet.data + packet.l3;
  std::uint8_t* const l4 = packet.data + packet.l4;
  const bool is_tcp = packet.proto == kProtoTcp;
  const auto checksum = wire::load<std::uint16_t>(ip + wire::kIpChecksum);
  const auto ttl = static_cast<std::uint8_t>(ip[wire::kIpTtl] - 1);
  wire::store(ip + wire::kIpChecksum, update_checksum(checksum, delta.ip + kTtlDelta));
  ip[wire::kIpTtl] = ttl;
  __builtin_memcpy(ip + wire::kIpSource, &to, 8);  // both addresses
  if (!has_l4) return;

  __builtin_memcpy(l4, &to.sport, 4);  // both ports
  if (is_tcp) {
    std::uint8_t* field = l4 + wire::kTcpChecksum;
    wire::store(field, update_checksum(wire::load<std::uint16_t>(field), delta.l4));
  } else {
    std::uint8_t* field = l4 + wire::kUdpChecksum;
    wire::store(field, update_udp_checksum(wire::load<std::uint16_t>(field), delta.l4));
  }
}

// Makes the Ethernet header `bytes` long (14 or 18), its content undefined.
inline void resize_l2(Packet& packet, unsigned bytes) {
  const int longer = static_cast<int>(bytes) - packet.l3;
  packet.data -= longer;
  packet.headroom = static_cast<std::uint16_t>(packet.headroom - longer);
  packet.len = static_cast<std::uint16_t>(packet.len + longer);
  packet.l3 = static_cast<std::uint8_t>(packet.l3 + longer);
  packet.l4 = static_cast<std::uint8_t>(packet.l4 + longer);
}

// Replaces the Ethernet header (with or without VLAN tag, so `data`, `len`, l3 and l4 may move) by
// the way out, and nothing else. A packet that gains a tag needs 4 bytes of headroom; every receive
// buffer has them. The hop is resolved. The egress port is the caller's to set.
inline void set_next_hop(Packet& packet, const NextHop& hop) {
  if (hop.l2_len != packet.l3) [[unlikely]]
    resize_l2(packet, hop.l2_len);
  // Two copies of a constant size rather than one of a variable size, which would be a call.
  if (hop.l2_len == wire::kEthBytes) {
    __builtin_memcpy(packet.data, hop.l2.data(), wire::kEthBytes);
  } else {
    __builtin_memcpy(packet.data, hop.l2.data(), wire::kTaggedEthBytes);
  }
}

// Writes an Ethernet header for IPv4 to `hop` (14 or 18 bytes).
inline void write_l2(std::uint8_t* frame, ClientHop hop, const std::uint8_t* source_mac) {
  __builtin_memcpy(frame, &hop.word, wire::kMacBytes);
  __builtin_memcpy(frame + wire::kEthSource, source_mac, wire::kMacBytes);
  if (hop.vlan() == 0) {
    wire::store(frame + wire::kEthType, wire::kTypeIpv4);
  } else {
    wire::store(frame + wire::kEthType, wire::kTypeVlan);
    wire::store(frame + wire::kVlanTci, Be16::from_host(hop.vlan()));
    wire::store(frame + wire::kVlanType, wire::kTypeIpv4);
  }
}
inline unsigned l2_bytes(ClientHop hop) {
  return hop.vlan() == 0 ? wire::kEthBytes : wire::kTaggedEthBytes;
}

// Likewise, to a client. `source_mac` is the address of the port that it leaves by.
inline void set_client_hop(Packet& packet, ClientHop hop, const std::uint8_t* source_mac) {
  if (l2_bytes(hop) != packet.l3) [[unlikely]]
    resize_l2(packet, l2_bytes(hop));
  write_l2(packet.data, hop, source_mac);
}

// The connection that an ICMP error is about.
struct IcmpQuote {
  FlowTuple tuple;  // of the quoted packet, as quoted
  std::uint8_t proto = 0;
  std::uint8_t inner_l3 = 0;  // offsets from data
  std::uint8_t inner_l4 = 0;
};
// Reads the quote of a kIcmpError packet; on false `packet.reason` says why (bad_icmp_quote,
// bad_icmp_checksum), or is none when the quote is of a protocol or fragment that cannot belong to
// a connection (for the kernel, then).
bool parse_icmp_quote(Packet& packet, IcmpQuote& quote);
// Outer source and destination, the quoted tuple, and every checksum, inner and outer. TTL of the
// outer header lowered by one: the caller has seen that it is above 1. Before the Ethernet header
// is replaced, since the quote's offsets count from `data`.
void rewrite_icmp_error(Packet& packet, const IcmpQuote& quote, Be32 outer_src, Be32 outer_dst,
                        const FlowTuple& inner_to);

// Turns the packet, as received, into an ICMP error about itself, back to its sender (MACs swapped,
// VLAN kept), from `source`. Quotes the IPv4 header and what follows it, as RFC 1812 4.3.2.3 has it
// (at most 576 bytes in all), and in a tight buffer at least 8 bytes. `mtu` for code fragmentation
// needed, else 0. False (packet unchanged) when RFC 1122 3.2.2 forbids an answer, `source` is
// 0.0.0.0, or there is no room. Verdict, reason and egress stay the caller's.
bool make_icmp_error(Packet& packet, std::uint8_t type, std::uint8_t code, std::uint16_t mtu,
                     Be32 source);

// Turns a TCP segment, as received, into the reset that its sender accepts (RFC 9293 3.10.7.1),
// MACs swapped. False (packet unchanged) for a segment that is a reset itself, and for a fragment,
// whose segment's length is not known. Verdict, reason and egress stay the caller's.
bool make_reset(Packet& packet);

// Writes a bare ACK from tuple.src to tuple.dst into `buffer` (at least 64 bytes); returns its
// length. Its sequence number is out of any window but for a rare chance, so the receiver answers
// with an ACK that tells the right one (RFC 9293 3.10.7.4).
std::uint16_t make_probe(std::uint8_t* buffer, const FlowTuple& tuple, ClientHop hop,
                         const std::uint8_t* source_mac);

}  // namespace lb
