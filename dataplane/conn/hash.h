// The keyed hash of a flow.
#pragma once

#include <cstdint>

#include "dataplane/packet/flow.h"

namespace lb {

// A key of 256 random bits, drawn at start: without it a client could choose addresses and ports
// that all fall into one bucket.
struct HashKey {
  std::uint64_t word[4] = {};
};

namespace detail {

__extension__ using Uint128 = unsigned __int128;

// Both halves of the full product folded into one word. Multiplication is what makes the hash
// non-linear: with a CRC the difference of two flows' hashes does not depend on the key, so that
// colliding flows could be computed without knowing it.
inline std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) {
  const Uint128 product = static_cast<Uint128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace detail

// All 64 bits are usable. The second round takes the addresses in again, so that a zero factor in
// the first does not erase the rest of the flow.
inline std::uint64_t flow_hash(const FlowTuple& tuple, std::uint8_t proto, const HashKey& key) {
  const std::uint64_t addresses =
      static_cast<std::uint64_t>(tuple.src.raw) | static_cast<std::uint64_t>(tuple.dst.raw) << 32;
  const std::uint64_t ports = static_cast<std::uint64_t>(tuple.sport.raw) |
                              static_cast<std::uint64_t>(tuple.dport.raw) << 16 |
                              static_cast<std::uint64_t>(proto) << 32;
  const std::uint64_t first = detail::fold_multiply(addresses ^ key.word[0], ports ^ key.word[1]);
  return detail::fold_multiply(first ^ key.word[2], (addresses + ports) ^ key.word[3]);
}

// The keyed hash of one word.
inline std::uint64_t word_hash(std::uint64_t word, const HashKey& key) {
  return detail::fold_multiply(detail::fold_multiply(word ^ key.word[0], key.word[1]) ^ key.word[2],
                               word ^ key.word[3]);
}

}  // namespace lb
