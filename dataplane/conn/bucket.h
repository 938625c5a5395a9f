// A bucket of the connection index: one cache line.
//
//  header  bit 0       lock: its holder alone may insert or erase keys whose primary bucket this is
//          bits 1-31   overflow: how many of those keys lie elsewhere (alternate bucket or chain)
//          bits 32-63  chain: 1 + index of the first chain bucket, 0: none
//  slot    bits 0-31   record index
//          bit 32      direction of the key
//          bits 33-63  tag of the key's hash, never 0
//          0           empty
//
// Who may write what:
//  - The header: the holder of its lock.
//  - An empty slot of a main bucket: anyone who holds the lock of the key's primary bucket, which
//    may be another one. Hence by compare and swap.
//  - A full slot: only the one that unlinks its record, which only clears it. A key
//    never moves, so a reader cannot overlook a key that is there all the while.
//  - Slots of a chain bucket: the holder of the lock of the bucket that the chain hangs on.
#pragma once

#include <emmintrin.h>

#include <atomic>
#include <cstdint>

#include "config/base/cache_line.h"

namespace lb {

inline constexpr unsigned kSlots = 7;

struct alignas(kCacheLine) Bucket {
  std::atomic<std::uint64_t> header{0};
  std::atomic<std::uint64_t> slots[kSlots] = {};
};
static_assert(sizeof(Bucket) == kCacheLine);

// ---- slots

constexpr std::uint32_t tag_of(std::uint64_t hash) {
  const auto tag = static_cast<std::uint32_t>(hash >> 33);
  return tag != 0 ? tag : 1;
}
constexpr std::uint64_t make_slot(std::uint64_t hash, unsigned dir, std::uint32_t index) {
  return static_cast<std::uint64_t>(tag_of(hash)) << 33 | static_cast<std::uint64_t>(dir) << 32 |
         index;
}
constexpr std::uint32_t slot_tag(std::uint64_t slot) {
  return static_cast<std::uint32_t>(slot >> 33);
}
constexpr unsigned slot_dir(std::uint64_t slot) {
  return static_cast<unsigned>(slot >> 32) & 1;
}
constexpr std::uint32_t slot_index(std::uint64_t slot) {
  return static_cast<std::uint32_t>(slot);
}

// ---- headers

inline constexpr std::uint64_t kLockBit = 1;
inline constexpr std::uint64_t kOneOverflow = 2;

constexpr std::uint32_t overflow_of(std::uint64_t header) {
  return static_cast<std::uint32_t>(header) >> 1;
}
constexpr std::uint32_t chain_of(std::uint64_t header) {
  return static_cast<std::uint32_t>(header >> 32);
}
constexpr std::uint64_t with_chain(std::uint64_t header, std::uint32_t chain) {
  return (header & 0xffff'ffff) | static_cast<std::uint64_t>(chain) << 32;
}

// ---- scanning

// 16 bytes that others may be writing. A plain vector load would be a data race in the language's
// eyes; an aligned one is made of whole 8-byte values on every x86-64, which is all that the
// callers need: they take the result as a hint and load what it points at atomically. The volatile
// keeps its place among the other volatile and atomic accesses.
inline __m128i load_hint(const void* aligned) {
  __m128i value;
  asm volatile("movdqa %1, %0" : "=x"(value) : "m"(*static_cast<const __m128i*>(aligned)));
  return value;
}

// Bit i: slots[i] had `tag` when it was read.
inline unsigned match_tag(const Bucket& bucket, std::uint32_t tag) {
  const auto* lines = reinterpret_cast<const char*>(&bucket);
  const auto high_halves = [lines](int offset) {
    const __m128 a = _mm_castsi128_ps(load_hint(lines + offset));
    const __m128 b = _mm_castsi128_ps(load_hint(lines + offset + 16));
    return _mm_castps_si128(_mm_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1)));
  };
  const __m128i one = _mm_set1_epi32(1);  // covers the direction bit
  const __m128i wanted = _mm_set1_epi32(static_cast<int>(tag << 1 | 1));
  const __m128i low = _mm_cmpeq_epi32(_mm_or_si128(high_halves(0), one), wanted);
  const __m128i high = _mm_cmpeq_epi32(_mm_or_si128(high_halves(32), one), wanted);
  const __m128i words = _mm_packs_epi32(low, high);
  const int mask = _mm_movemask_epi8(_mm_packs_epi16(words, words));
  return static_cast<unsigned>(mask & 0xff) >> 1;  // without the header's lane
}

}  // namespace lb
