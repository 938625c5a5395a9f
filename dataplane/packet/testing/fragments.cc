// Cutting a datagram into fragments, and putting it together again.
#include <algorithm>
#include <cstdlib>

#include "dataplane/packet/testing/builder.h"

namespace lb::test {

namespace {

std::size_t get16(const Bytes& bytes, std::size_t at) {
  return bytes[at] * std::size_t{256} + bytes[at + 1];
}

// Offset of the IPv4 header.
std::size_t l3_of(const Bytes& frame) {
  const std::size_t l3 = get16(frame, 12) == 0x8100 ? 18 : 14;
  if (get16(frame, l3 - 2) != 0x0800 || frame[l3] != 0x45) std::abort();
  return l3;
}

// Of the fragment's payload in its datagram, in bytes.
std::size_t offset_of(const Bytes& frame) {
  return (get16(frame, l3_of(frame) + 6) & 0x1fff) * 8;
}

void set_fragment_fields(Bytes& frame, std::size_t l3, std::size_t ip_bytes, std::size_t bits) {
  const auto set16 = [&](std::size_t at, std::size_t value) {
    frame[l3 + at] = static_cast<std::uint8_t>(value >> 8);
    frame[l3 + at + 1] = static_cast<std::uint8_t>(value);
  };
  set16(2, ip_bytes);
  set16(6, bits);
  set16(10, 0);
  std::size_t sum = 0;
  for (std::size_t at = l3; at < l3 + 20; at += 2) sum += get16(frame, at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  set16(10, ~sum & 0xffff);
}

}  // namespace

std::vector<Bytes> fragments(const Bytes& frame, std::size_t mtu) {
  if (mtu < 28) std::abort();
  const std::size_t l3 = l3_of(frame);
  const std::size_t payload = l3 + 20;
  const std::size_t total = get16(frame, l3 + 2) - 20;
  const std::size_t most = (mtu - 20) / 8 * 8;
  std::vector<Bytes> out;
  for (std::size_t at = 0; at < total; at += most) {
    const std::size_t n = std::min(most, total - at);
    Bytes piece = cut(frame, payload);
    const auto from = frame.begin() + static_cast<std::ptrdiff_t>(payload + at);
    piece.insert(piece.end(), from, from + static_cast<std::ptrdiff_t>(n));
    const std::size_t more = at + n < total ? 0x2000 : 0;
    set_fragment_fields(piece, l3, 20 + n, more | at / 8);
    out.push_back(std::move(piece));
  }
  return out;
}

Bytes reassemble(std::span<const Bytes> fragments) {
  std::vector<Bytes> sorted(fragments.begin(), fragments.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const Bytes& a, const Bytes& b) { return offset_of(a) < offset_of(b); });
  Bytes whole;
  std::size_t size = 0;  // of the payload so far
  for (const Bytes& piece : sorted) {
    const std::size_t l3 = l3_of(piece);
    const std::size_t ip_bytes = get16(piece, l3 + 2);
    if (offset_of(piece) != size) return {};
    if (size == 0) whole = cut(piece, l3 + 20);
    const auto from = piece.begin() + static_cast<std::ptrdiff_t>(l3 + 20);
    whole.insert(whole.end(), from, piece.begin() + static_cast<std::ptrdiff_t>(l3 + ip_bytes));
    size += ip_bytes - 20;
  }
  if (!whole.empty()) set_fragment_fields(whole, l3_of(whole), 20 + size, 0);
  return whole;
}

}  // namespace lb::test
