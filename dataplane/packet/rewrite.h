// In-place changes of a parsed packet and packets made out of one. Checksums by RFC 1624 (eqn. 3).
#pragma once

#include <cstdint>

#include "dataplane/conn/record.h"
#include "dataplane/packet/packet.h"
#include "dataplane/service/snapshot.h"

namespace lb {

// The one's-complement sums to add to the IPv4 header checksum and to the TCP or UDP checksum when
// a packet's addresses and ports change from `from` to `to`. For the way back use the complement
// (~delta).
struct Deltas {
  std::uint16_t ip = 0;
  std::uint16_t l4 = 0;
};
Deltas deltas(const FlowTuple& from, const FlowTuple& to);

// New addresses and ports, both checksums corrected, TTL lowered by one. A UDP checksum of 0 stays
// 0. For a later fragment (no L4 header) only the IPv4 part is done.
void rewrite_nat(Packet& packet, const FlowTuple& to, Deltas delta, bool has_l4);

// Replaces the Ethernet header (with or without VLAN tag, so `data`, `len`, l3 and l4 may move) by
// the way out.
void set_next_hop(Packet& packet, const NextHop& hop);
void set_client_hop(Packet& packet, ClientHop hop, const std::uint8_t* source_mac);

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
// outer header lowered by one.
void rewrite_icmp_error(Packet& packet, const IcmpQuote& quote, Be32 outer_src, Be32 outer_dst,
                        const FlowTuple& inner_to);

// Turns the packet into an ICMP error about itself, back to its sender (MACs swapped, VLAN kept),
// from `source`. Quotes the IPv4 header and the first 8 bytes after it, or more as RFC 1812 4.3.2.3
// has it (at most 576 bytes in all). `mtu` for code fragmentation needed, else 0. False (packet
// unchanged) when RFC 1122 3.2.2 forbids an answer or there is no room.
bool make_icmp_error(Packet& packet, std::uint8_t type, std::uint8_t code, std::uint16_t mtu,
                     Be32 source);

// Turns a TCP segment into the reset that its sender accepts (RFC 9293 3.10.7.1), MACs swapped.
// False for a segment that is a reset itself.
bool make_reset(Packet& packet);

// Writes a bare ACK from tuple.src to tuple.dst into `buffer` (at least 64 bytes); returns its
// length. Its sequence number is out of any window, so the receiver answers with an ACK that tells
// the right one (RFC 9293 3.10.7.4).
std::uint16_t make_probe(std::uint8_t* buffer, const FlowTuple& tuple, ClientHop hop,
                         const std::uint8_t* source_mac);

}  // namespace lb
