#include "dataplane/packet/rewrite.h"

namespace lb {

namespace {

// Without the conversions, ~ on a 16-bit value would set the upper half of an int.
std::uint64_t complement(Be32 v) {
  return static_cast<std::uint32_t>(~v.raw);
}
std::uint64_t complement(Be16 v) {
  return static_cast<std::uint16_t>(~v.raw);
}

}  // namespace

Deltas deltas(const FlowTuple& from, const FlowTuple& to) {
  const std::uint64_t ip = complement(from.src) + complement(from.dst) + to.src.raw + to.dst.raw;
  const std::uint64_t ports =
      complement(from.sport) + complement(from.dport) + to.sport.raw + to.dport.raw;
  return {fold(ip), fold(ip + ports)};
}

}  // namespace lb
