// Which places packets of a network are expected from: those that the director's routes to it lead
// to. Prefixes, the longest that contains an address decides.
//
// All prefixes are melted into the addresses at which the answer changes, in order, as AccessList
// does it. Asked for packets that come another way than before, and on strict ports.
#pragma once

#include <cstdint>
#include <vector>

#include "config/base/net.h"
#include "dataplane/packet/hop.h"

namespace lb {

class SourceRoutes {
 public:
  struct Route {
    std::uint64_t begin = 0;  // first address, in host order
    std::uint64_t end = 0;    // one past the last
    Place place;
  };
  SourceRoutes() = default;  // nobody is expected anywhere
  explicit SourceRoutes(std::vector<Route> routes);

  // Any worker.
  bool lead(Be32 address, Place place) const;

 private:
  struct Part {
    std::uint32_t begin = 0;  // to the begin of the next one
    std::uint32_t first = 0;  // of its places in places_
    std::uint32_t count = 0;
  };

  std::vector<Part> parts_;
  std::vector<Place> places_;
};

}  // namespace lb
