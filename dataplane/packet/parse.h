// The bounds-checked view: no header byte is read before it is known to lie within the packet.
#pragma once

#include "dataplane/packet/packet.h"

namespace lb {

// Fills kind, reason, ip_len, vlan, l3, l4, proto, tcp_flags, tuple of a packet whose data, len,
// headroom and ingress are set. IPv4 in Ethernet, one 802.1Q tag at most (a second one: kKernel).
// The IPv4 header checksum is verified unless csum_known_good. IP options are allowed.
void parse(Packet& packet);

}  // namespace lb
