// Which clients may open connections: prefixes, the longest that contains the client decides.
//
// All prefixes are melted into the addresses at which the answer changes, in order. Between two of
// them the answer is the same, and it alternates: so a lookup finds the last one that is not above
// the client, and whether its number is even says the rest. A table by the leading bits of the
// client narrows the search to a few of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "config/base/net.h"
#include "dataplane/api/snapshot_spec.h"

namespace lb {

class AccessList {
 public:
  explicit AccessList(const AccessListSpec& rules);

  // Any worker.
  bool allows(Be32 client) const {
    const std::uint32_t address = client.host();
    const std::uint32_t at = address >> shift_;
    const std::uint32_t* low = changes_.data() + starts_[at];
    std::size_t count = starts_[at + 1] - starts_[at];
    // The first change above the address, without a branch that guesses.
    while (count > 0) {
      const std::size_t half = count / 2;
      const bool right = low[half] <= address;
      low += right ? half + 1 : 0;
      count = right ? count - half - 1 : half;
    }
    return ((low - changes_.data()) % 2 == 0) == first_;
  }

  std::size_t bytes() const { return sizeof(std::uint32_t) * (changes_.size() + starts_.size()); }

 private:
  bool first_;                          // the answer for 0.0.0.0
  unsigned shift_;                      // of an address, to its place in starts_
  std::vector<std::uint32_t> changes_;  // addresses from which on the answer is another one
  std::vector<std::uint32_t>
      starts_;  // by leading bits: the first change there; one more at the end
};

}  // namespace lb
