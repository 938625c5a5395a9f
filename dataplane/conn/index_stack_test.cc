#include "dataplane/conn/index_stack.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <thread>
#include <vector>

namespace lb {
namespace {

class IndexStackTest : public testing::Test {
 protected:
  auto link() {
    return [this](std::uint32_t i) -> std::atomic<std::uint32_t>& { return links_[i]; };
  }
  void push(std::uint32_t index) { stack_.push(index, index, link()); }
  std::uint32_t pop() { return stack_.pop(link()); }

  std::array<std::atomic<std::uint32_t>, 16> links_{};
  IndexStack stack_;
};

TEST_F(IndexStackTest, LastInFirstOut) {
  EXPECT_TRUE(stack_.empty());
  EXPECT_EQ(pop(), IndexStack::kEmpty);
  push(3);
  push(0);
  EXPECT_FALSE(stack_.empty());
  EXPECT_EQ(pop(), 0U);
  EXPECT_EQ(pop(), 3U);
  EXPECT_EQ(pop(), IndexStack::kEmpty);
}

TEST_F(IndexStackTest, TakesAndGivesLists) {
  for (const std::uint32_t i : {5U, 6U, 7U}) push(i);
  std::uint32_t next = stack_.take_all();
  EXPECT_TRUE(stack_.empty());
  EXPECT_EQ(stack_.take_all(), 0U);
  for (const std::uint32_t i : {7U, 6U, 5U}) {
    ASSERT_EQ(next, i + 1);
    next = links_[i];
  }
  EXPECT_EQ(next, 0U);

  push(1);
  stack_.push(7, 5, link());  // still linked 7, 6, 5
  for (const std::uint32_t i : {7U, 6U, 5U, 1U}) EXPECT_EQ(pop(), i);
}

// Between a pop's look at the head's link and its exchange, others pop the head and what is below
// it and push the head back: the link that was read now names an entry that is not free.
TEST_F(IndexStackTest, PopNoticesAHeadThatCameBack) {
  struct SlowLink {
    std::atomic<std::uint32_t>& at;
    std::function<void()> after;
    std::uint32_t load(std::memory_order order) const {
      const std::uint32_t value = at.load(order);
      after();
      return value;
    }
  };
  for (const std::uint32_t i : {2U, 1U, 0U}) push(i);
  bool done = false;
  const auto others = [&] {
    if (done) return;
    done = true;
    EXPECT_EQ(pop(), 0U);
    EXPECT_EQ(pop(), 1U);
    push(0);
  };
  EXPECT_EQ(stack_.pop([&](std::uint32_t i) { return SlowLink{links_[i], others}; }), 0U);
  EXPECT_EQ(pop(), 2U);
  EXPECT_EQ(pop(), IndexStack::kEmpty);
}

TEST_F(IndexStackTest, AnEntryHasOneHolder) {
  std::array<std::atomic<unsigned>, 16> holders{};
  std::atomic<unsigned> wrong{0};
  for (std::uint32_t i = 0; i < 6; ++i) push(i);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int n = 0; n < 20'000; ++n) {
        const std::uint32_t a = pop();
        const std::uint32_t b = pop();
        for (const std::uint32_t i : {a, b}) {
          if (i != IndexStack::kEmpty) wrong += holders[i]++ != 0;
        }
        for (const std::uint32_t i : {a, b}) {
          if (i == IndexStack::kEmpty) continue;
          --holders[i];
          push(i);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0U);
  unsigned left = 0;
  while (pop() != IndexStack::kEmpty) ++left;
  EXPECT_EQ(left, 6U);
}

}  // namespace
}  // namespace lb
