// A queue from one thread to another, of fixed size, without locks: one writer, one reader.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>

#include "config/base/cache_line.h"

namespace lb {

template <typename T>
class SpscRing {
 public:
  // Room for `entries`, a power of two.
  explicit SpscRing(std::size_t entries)
      : mask_(std::bit_ceil(entries) - 1), slots_(std::make_unique<T[]>(mask_ + 1)) {}

  // Writer. False: full, nothing happened.
  bool push(const T& value) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ > mask_) {
      head_seen_ = head_.load(std::memory_order_acquire);  // pairs with pop()
      if (tail - head_seen_ > mask_) return false;
    }
    slots_[tail & mask_] = value;
    tail_.store(tail + 1, std::memory_order_release);  // pairs with waiting()
    return true;
  }

  // Reader: how many there are; peek() and pop() up to so many.
  std::size_t waiting() const {
    return tail_.load(std::memory_order_acquire) - head_.load(std::memory_order_relaxed);
  }
  const T& peek(std::size_t at) const {
    return slots_[(head_.load(std::memory_order_relaxed) + at) & mask_];
  }
  void pop(std::size_t count) {
    head_.store(head_.load(std::memory_order_relaxed) + count, std::memory_order_release);
  }

 private:
  const std::size_t mask_;
  const std::unique_ptr<T[]> slots_;
  // The writer's line.
  alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
  std::size_t head_seen_ = 0;
  // The reader's line.
  alignas(kCacheLine) std::atomic<std::size_t> head_{0};
};

}  // namespace lb
