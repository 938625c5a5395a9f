#include "dataplane/lcore/backoff.h"

#include <gtest/gtest.h>

#include "dataplane/lcore/clock.h"

namespace lb {
namespace {

TEST(Backoff, PollsOnForAMomentThenSleepsLongerAndLonger) {
  Backoff backoff(true, 100);
  EXPECT_EQ(backoff.idle(1000), 0U);
  EXPECT_EQ(backoff.idle(1099), 0U);
  EXPECT_EQ(backoff.idle(1100), Backoff::kFirstSleepNs);
  EXPECT_EQ(backoff.idle(1101), 2 * Backoff::kFirstSleepNs);
  std::uint32_t last = 0;
  for (int i = 0; i < 20; ++i) last = backoff.idle(2000);
  EXPECT_EQ(last, Backoff::kLongestSleepNs);
}

TEST(Backoff, APacketEndsTheSleep) {
  Backoff backoff(true, 100);
  backoff.idle(0);
  for (int i = 0; i < 10; ++i) backoff.idle(500);
  backoff.worked();
  EXPECT_EQ(backoff.idle(1000), 0U);
  EXPECT_EQ(backoff.idle(1100), Backoff::kFirstSleepNs);
}

TEST(Backoff, PollNeverSleeps) {
  Backoff backoff(false, 0);
  for (std::uint64_t t = 0; t < 1000; ++t) EXPECT_EQ(backoff.idle(t * 1'000'000), 0U);
}

TEST(TickClock, TicksAre100Ms) {
  const TickClock clock{5000, 2'000'000'000};
  EXPECT_EQ(clock.tick_at(5000), 0U);
  EXPECT_EQ(clock.tick_at(5000 + 199'999'999), 0U);
  EXPECT_EQ(clock.tick_at(5000 + 200'000'000), 1U);
  EXPECT_EQ(clock.end_of(0), 5000U + 200'000'000U);
  EXPECT_EQ(clock.tick_at(clock.end_of(41)), 42U);
}

}  // namespace
}  // namespace lb
