#include "dataplane/packet/checksum.h"

namespace lb {

std::uint64_t sum_bytes(const std::uint8_t* data, std::size_t size, std::uint64_t start) {
  std::uint64_t sum = start;
  for (; size >= 8; data += 8, size -= 8) sum = add_sums(sum, wire::load<std::uint64_t>(data));
  if (size >= 4) {
    sum = add_sums(sum, wire::load<std::uint32_t>(data));
    data += 4;
    size -= 4;
  }
  if (size >= 2) {
    sum = add_sums(sum, wire::load<std::uint16_t>(data));
    data += 2;
    size -= 2;
  }
  // The first byte of a word is its low byte as a little-endian machine loads it.
  return size == 0 ? sum : add_sums(sum, *data);
}

}  // namespace lb
