// AF_PACKET ports only. DPDK's driver puts its sockets in a fanout group that has the kernel
// reassemble fragments first. A reassembled datagram does not fit a slot of the ring and arrives
// cut off, so all but the smallest fragmented datagrams would be lost. The driver has no setting
// for that; this program's setsockopt() takes the flag from its call.
#pragma once

namespace lb {

// How many sockets of this process joined a fanout group without reassembly.
unsigned sockets_without_reassembly();

}  // namespace lb
