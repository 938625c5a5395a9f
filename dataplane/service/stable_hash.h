// Hashes that are the same in every process of every director, now and after the next start.
//
// The choice of a hash scheduler must be the same everywhere: workers, both directors of a pair,
// a director that was restarted. So there is no random key, and a client that may choose among many
// addresses can choose its server with them. That harms nobody: the connection table, where
// collisions would, has a keyed hash of its own (conn/hash.h).
#pragma once

#include <cstdint>

#include "config/base/byte_order.h"

namespace lb {

// The finalizer of SplitMix64: a bijection in which every bit of the result depends on all of `v`.
constexpr std::uint64_t stable_mix(std::uint64_t v) {
  v += 0x9e3779b97f4a7c15;
  v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
  v = (v ^ v >> 27) * 0x94d049bb133111eb;
  return v ^ v >> 31;
}

// The `salt`-th of many hashes of an address.
constexpr std::uint64_t stable_hash(Be32 address, std::uint32_t salt) {
  return stable_mix(address.host() | std::uint64_t{salt} << 32);
}

}  // namespace lb
