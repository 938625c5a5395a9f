// A lock-free stack of small numbers, linked through memory of the caller's.
#pragma once

#include <atomic>
#include <cstdint>

namespace lb {

// Any thread pushes and pops. Links are 1 + index, 0 ends the list. The upper half of the head
// counts pops, so that a head that was popped and pushed back in between is noticed.
//
// `link` is a callable: std::atomic<std::uint32_t>&(std::uint32_t index).
class IndexStack {
 public:
  static constexpr std::uint32_t kEmpty = ~std::uint32_t{0};

  bool empty() const {
    return static_cast<std::uint32_t>(head_.load(std::memory_order_relaxed)) == 0;
  }

  // Pushes a list that is already linked from `first` to `last`.
  template <typename Link>
  void push(std::uint32_t first, std::uint32_t last, Link&& link) {
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    do {
      link(last).store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
      // Release: pairs with the acquire in pop() and take_all(), which then see the links and
      // whatever was done to the entries.
    } while (!head_.compare_exchange_weak(head, (head & kCountMask) | (first + 1),
                                          std::memory_order_release, std::memory_order_relaxed));
  }

  // kEmpty when there is none. `touch(entry)` is called with the one below, if there is one: the
  // next to be popped unless somebody pushes.
  template <typename Link, typename Touch>
  std::uint32_t pop(Link&& link, Touch&& touch) {
    std::uint64_t head = head_.load(std::memory_order_acquire);
    while (static_cast<std::uint32_t>(head) != 0) {
      const std::uint32_t index = static_cast<std::uint32_t>(head) - 1;
      // May read a link that a faster thread is rewriting; the count then fails the exchange.
      const std::uint32_t next = link(index).load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, ((head & kCountMask) + kOnePop) | next,
                                      std::memory_order_acquire, std::memory_order_acquire)) {
        if (next != 0) touch(next - 1);
        return index;
      }
    }
    return kEmpty;
  }
  template <typename Link>
  std::uint32_t pop(Link&& link) {
    return pop(link, [](std::uint32_t) {});
  }

  // The first link of what was on the stack (0: nothing); the caller follows the links.
  std::uint32_t take_all() {
    if (empty()) return 0;
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    while (!head_.compare_exchange_weak(head, (head & kCountMask) + kOnePop,
                                        std::memory_order_acquire, std::memory_order_relaxed)) {
    }
    return static_cast<std::uint32_t>(head);
  }

 private:
  static constexpr std::uint64_t kOnePop = std::uint64_t{1} << 32;
  static constexpr std::uint64_t kCountMask = ~(kOnePop - 1);

  std::atomic<std::uint64_t> head_{0};
};

}  // namespace lb
