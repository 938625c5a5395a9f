// To which class a packet for the kernel belongs, and what a packet from the kernel says about
// later ones. Frames as they are on the wire, whole Ethernet header and perhaps a VLAN tag; nothing
// is read beyond their end. Any worker.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/forward/own_flows.h"
#include "dataplane/service/snapshot.h"
#include "dataplane/stats/punt_class.h"

namespace lb {

struct Punt {
  PuntClass kind = PuntClass::other;
  // Whom to count the packet for, within its class: the sender's MAC address of neighbour discovery
  // and ARP, of this with the VLAN; address and virtual router of VRRP; the peer's address of known
  // flows; else the network (/24 of IPv4, /64 of IPv6).
  std::uint64_t source = 0;
};

// A class above `other` is earned: adverts and neighbour discovery come from the link (TTL 255,
// RFC 9568 section 5.1.1.3, RFC 4861 section 7.1), ARP requests ask for the director, all else
// belongs to a flow in `flows`; BFD of one hop is from the link, too (RFC 5881 section 5).
Punt classify_punt(std::span<const std::uint8_t> frame, const Snapshot& snapshot,
                   const OwnFlows& flows, std::uint32_t now);

// A frame that the kernel sends. Noted if it shows that a socket of the director uses the flow: no
// answer to a stranger does (a reset, SYN + ACK, a bare ACK, an echo reply, an ICMP error).
void note_own_flow(std::span<const std::uint8_t> frame, const Snapshot& snapshot, OwnFlows& flows,
                   std::uint32_t now);

}  // namespace lb
