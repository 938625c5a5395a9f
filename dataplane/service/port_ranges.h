// Services that have ranges of ports. Of several ranges that contain a port the narrowest has it:
// that is worked out when they are built, so that a lookup is one binary search.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "config/base/net.h"

namespace lb {

class PortRanges {
 public:
  struct Range {
    Ipv4EndpointRange address;
    std::uint8_t proto = 0;
    std::uint32_t slot = 0;
  };

  PortRanges() = default;
  // Of equally wide ranges that overlap the one with the lower slot wins.
  explicit PortRanges(std::vector<Range> ranges);

  bool empty() const { return ends_.empty(); }
  // Slot of the service, or `none`. For any worker.
  std::uint32_t find(Be32 address, Be16 port, std::uint8_t proto, std::uint32_t none) const;

 private:
  // Disjoint pieces in the order of protocol, address and port.
  struct Piece {
    std::uint16_t first;
    std::uint32_t slot;
  };
  static std::uint64_t key(std::uint32_t address, std::uint16_t port, std::uint8_t proto) {
    return std::uint64_t{proto} << 48 | std::uint64_t{address} << 16 | port;
  }
  void add_pieces(const Range* begin, const Range* end);

  std::vector<std::uint64_t> ends_;  // keys of their last ports
  std::vector<Piece> pieces_;
};

}  // namespace lb
