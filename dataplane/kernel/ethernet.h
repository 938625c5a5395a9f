// The Ethernet header of a frame to or from the kernel, and the fields of IPv6 that are needed
// there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "config/base/byte_order.h"
#include "dataplane/packet/wire.h"

namespace lb {

inline constexpr Be16 kTypeIpv6 = Be16::from_host(0x86dd);
inline constexpr Be16 kTypeServiceVlan = Be16::from_host(0x88a8);  // IEEE 802.1ad

// IPv6, RFC 8200 section 3.
inline constexpr unsigned kIpv6PayloadLength = 4;
inline constexpr unsigned kIpv6NextHeader = 6;
inline constexpr unsigned kIpv6HopLimit = 7;
inline constexpr unsigned kIpv6Source = 8;
inline constexpr unsigned kIpv6Bytes = 40;

struct EthernetHeader {
  std::size_t bytes = 0;  // with VLAN tags
  Be16 type;              // of what follows
};

// nullopt: it is longer than the frame, or has more than two tags.
inline std::optional<EthernetHeader> read_ethernet(std::span<const std::uint8_t> frame) {
  std::size_t bytes = wire::kEthBytes;
  for (unsigned tags = 0; tags <= 2; ++tags, bytes += wire::kVlanTagBytes) {
    if (frame.size() < bytes) return std::nullopt;
    const Be16 type = wire::load<Be16>(frame.data() + bytes - sizeof(Be16));
    if (type != wire::kTypeVlan && type != kTypeServiceVlan) return EthernetHeader{bytes, type};
  }
  return std::nullopt;
}

}  // namespace lb
