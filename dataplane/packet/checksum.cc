#include "dataplane/packet/checksum.h"

namespace lb {

namespace {

// Of 64 bytes, in one chain of carries.
std::uint64_t sum_line(const std::uint8_t* data) {
  unsigned long long sum = wire::load<std::uint64_t>(data);
  unsigned char carry = 0;
  for (unsigned at = 8; at < 64; at += 8) {
    carry = _addcarry_u64(carry, sum, wire::load<std::uint64_t>(data + at), &sum);
  }
  return add_sums(sum, carry);
}

}  // namespace

std::uint64_t sum_bytes(const std::uint8_t* data, std::size_t size, std::uint64_t start) {
  std::uint64_t sum = start;
  for (; size >= 64; data += 64, size -= 64) sum = add_sums(sum, sum_line(data));
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
