// What is in front of each packet of a TAP with IFF_VNET_HDR: struct virtio_net_hdr of
// linux/virtio_net.h, which is no C++, in the machine's byte order.
#pragma once

#include <cstdint>

namespace lb {

struct VnetHeader {
  enum Flag : std::uint8_t {
    kNeedsChecksum = 1,  // from csum_start on; its field has the pseudo header's sum
  };
  enum Type : std::uint8_t {
    kWhole = 0,
    kTcpIpv4 = 1,
    kTcpIpv6 = 4,
    kEcn = 0x80,  // beside the others: the first segment alone has CWR
  };

  std::uint8_t flags = 0;
  std::uint8_t type = kWhole;
  std::uint16_t header_bytes = 0;   // Ethernet to TCP: a hint
  std::uint16_t segment_bytes = 0;  // payload of each segment but the last
  std::uint16_t csum_start = 0;
  std::uint16_t csum_offset = 0;  // of the field, from csum_start
};
static_assert(sizeof(VnetHeader) == 10);

}  // namespace lb
