#include "dataplane/conn/deadlines.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

namespace lb {
namespace {

struct alignas(64) Block {
  std::atomic<std::uint32_t> at[Deadlines::kBlock] = {};
};

TEST(Deadlines, DueAgreesWithIsDue) {
  Block block;
  Deadlines deadlines(block.at);
  std::mt19937 random(1);
  for (int round = 0; round < 2'000; ++round) {
    const auto now = static_cast<std::uint32_t>(random());
    std::uint64_t expected = 0;
    for (std::uint32_t i = 0; i < Deadlines::kBlock; ++i) {
      // Off, far, or as near as it gets.
      const auto kind = random() % 3;
      if (kind == 0) {
        deadlines.clear(i);
      } else {
        deadlines.set(i, kind == 1 ? static_cast<std::uint32_t>(random())
                                   : now - 2 + static_cast<std::uint32_t>(random() % 5));
      }
      expected |= std::uint64_t{Deadlines::is_due(deadlines.get(i), now)} << i;
    }
    ASSERT_EQ(deadlines.due(0, now), expected);
  }
}

TEST(Deadlines, TicksWrap) {
  constexpr std::uint32_t kLast = std::numeric_limits<std::uint32_t>::max();
  EXPECT_TRUE(is_later(5, kLast - 5));
  EXPECT_FALSE(is_later(kLast - 5, 5));
  EXPECT_TRUE(Deadlines::is_due(kLast, 1));
  EXPECT_FALSE(Deadlines::is_due(2, kLast));
  EXPECT_TRUE(Deadlines::is_due(7, 7));
}

TEST(Deadlines, TickZeroIsADeadlineToo) {
  Block block;
  Deadlines deadlines(block.at);
  deadlines.set(3, 0);
  EXPECT_EQ(deadlines.due(0, 0), 0U);
  EXPECT_EQ(deadlines.due(0, 1), 1U << 3);
  deadlines.clear(3);
  EXPECT_EQ(deadlines.due(0, 1), 0U);
}

TEST(Deadlines, RearmLeavesANewerDeadlineAlone) {
  Block block;
  Deadlines deadlines(block.at);
  deadlines.set(0, 10);
  const std::uint32_t seen = deadlines.get(0);
  deadlines.set(0, 20);  // a state with a shorter timeout, meanwhile
  deadlines.rearm(0, seen, 500);
  EXPECT_EQ(deadlines.get(0), 20U);
  deadlines.rearm(0, 20, 500);
  EXPECT_EQ(deadlines.get(0), 500U);
}

}  // namespace
}  // namespace lb
