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

}  // namespace lb
