// Maglev hashing: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer",
// NSDI 2016, section 3.4, with weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lb {

struct MaglevServer {
  // What its places in the table follow from: address and port. So a server has the same
  // preferences on every director, whatever order the file lists it in.
  std::uint64_t name = 0;
  std::uint16_t weight = 1;
};

// The table's size for a service with so many real servers, a prime. The paper asks for more than a
// hundred entries per server, and evaluates 65537 and 655373. Few sizes: a change of size gives
// every client another server.
constexpr std::size_t maglev_size(std::size_t servers) {
  if (servers <= 40) return 4'099;
  return servers <= 655 ? 65'537 : 655'373;
}

// A table of `size` entries, each the index of a server. Servers take entries in turn, a server of
// half the weight in every other round; none with a weight > 0 is left out as long as there are
// entries. At most 65,536 servers. Takes O(size * log servers), without weights O(size).
std::vector<std::uint16_t> maglev_table(const std::vector<MaglevServer>& servers, std::size_t size);

}  // namespace lb
