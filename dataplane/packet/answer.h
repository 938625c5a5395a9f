// What ICMP errors, resets and probes of the director's own share.
#pragma once

#include <cstdint>

#include "dataplane/packet/packet.h"

namespace lb {

// A 20-byte IPv4 header with its checksum: TTL 64, DF set and so, as an atomic datagram, id 0 (RFC
// 6864 4.1).
struct IpHeader {
  Be32 src;
  Be32 dst;
  std::uint16_t bytes = 0;  // total length
  std::uint8_t proto = 0;
  std::uint8_t tos = 0;
};
void write_ip_header(std::uint8_t* ip, const IpHeader& header);

// A frame that came from a group address must not be answered to it (RFC 1122 3.2.2's concern).
bool has_unicast_macs(const Packet& packet);

// The first 12 bytes of a frame.
void swap_macs(std::uint8_t* frame);

}  // namespace lb
