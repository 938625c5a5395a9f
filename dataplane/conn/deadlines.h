// When each record is to be checked for expiry: 4 bytes per record, apart from the records, so
// that a sweep over connections that live on touches one cache line for 16 of them.
//
// A deadline is a hint. It is not moved by packets; when it comes, the sweep asks the record for
// its last packet and moves it then. Ticks wrap: they are compared by their distance, which must
// stay below 2^31.
#pragma once

#include <emmintrin.h>

#include <atomic>
#include <cstdint>
#include <span>

#include "dataplane/conn/bucket.h"

namespace lb {

// `a` is after `b`.
constexpr bool is_later(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) > 0;
}

class Deadlines {
 public:
  static constexpr std::uint32_t kBlock = 64;  // records per due() call
  static constexpr std::uint32_t kOff = 0;     // not armed: a deadline of tick 0 is set to tick 1

  // One entry per record, all kOff; aligned to a cache line, a multiple of kBlock.
  explicit Deadlines(std::span<std::atomic<std::uint32_t>> memory) : at_(memory.data()) {}

  // Any worker. Release: whoever sees the new deadline sees the state that it was set for.
  void set(std::uint32_t index, std::uint32_t deadline) {
    at_[index].store(armed(deadline), std::memory_order_release);
  }
  void clear(std::uint32_t index) { at_[index].store(kOff, std::memory_order_release); }
  std::uint32_t get(std::uint32_t index) const {
    return at_[index].load(std::memory_order_acquire);
  }
  // Does nothing after a set() since `seen` was read: that one is newer.
  void rearm(std::uint32_t index, std::uint32_t seen, std::uint32_t deadline) {
    at_[index].compare_exchange_strong(seen, armed(deadline), std::memory_order_release,
                                       std::memory_order_relaxed);
  }
  static bool is_due(std::uint32_t deadline, std::uint32_t now) {
    return deadline != kOff && !is_later(deadline, now);
  }

  // Bit i: the deadline of record first + i has come. `first` is a multiple of kBlock. A hint, as
  // load_hint() is: the caller checks each again.
  std::uint64_t due(std::uint32_t first, std::uint32_t now) const {
    const __m128i tick = _mm_set1_epi32(static_cast<int>(now));
    const __m128i zero = _mm_setzero_si128();
    std::uint64_t due = 0;
    for (unsigned i = 0; i < kBlock; i += 4) {
      const __m128i deadlines = load_hint(&at_[first + i]);
      const __m128i later = _mm_cmpgt_epi32(_mm_sub_epi32(deadlines, tick), zero);
      const __m128i off = _mm_cmpeq_epi32(deadlines, zero);
      const int not_due = _mm_movemask_ps(_mm_castsi128_ps(_mm_or_si128(later, off)));
      due |= static_cast<std::uint64_t>(~not_due & 0xf) << i;
    }
    return due;
  }

 private:
  static constexpr std::uint32_t armed(std::uint32_t deadline) {
    return deadline != kOff ? deadline : 1;
  }

  std::atomic<std::uint32_t>* at_;
};
static_assert(sizeof(std::atomic<std::uint32_t>) == 4);

}  // namespace lb
