#include "controlplane/servers/flood_watch.h"

#include <gtest/gtest.h>

#include <optional>

namespace lb::controlplane {
namespace {

using std::chrono::seconds;

class FloodWatchTest : public ::testing::Test {
 protected:
  // One class of one port: its change a second later.
  std::optional<FloodWatch::Change> after_a_second(std::uint64_t dropped) {
    now_ += seconds(1);
    const auto changes = watch_.observe({{"wan", "other", dropped}, {"lan", "other", 0}}, now_);
    EXPECT_LE(changes.size(), 1u);
    if (changes.empty()) return std::nullopt;
    EXPECT_EQ(changes[0].name, "wan");
    EXPECT_EQ(changes[0].kind, "other");
    return changes[0];
  }

  FloodWatch watch_;
  FloodWatch::Clock::time_point now_{};
};

TEST_F(FloodWatchTest, ReportsBeginAndEndOnce) {
  EXPECT_FALSE(after_a_second(0));
  const auto begun = after_a_second(100);
  ASSERT_TRUE(begun);
  EXPECT_TRUE(begun->begun);
  EXPECT_EQ(begun->count, 100u);
  EXPECT_FALSE(after_a_second(250));
  for (int quiet = 1; quiet < FloodWatch::kQuiet.count(); ++quiet)
    EXPECT_FALSE(after_a_second(250));
  const auto over = after_a_second(250);
  ASSERT_TRUE(over);
  EXPECT_FALSE(over->begun);
  EXPECT_EQ(over->count, 250u);
  EXPECT_FALSE(after_a_second(250));
}

TEST_F(FloodWatchTest, AGapIsNoEnd) {
  after_a_second(0);
  EXPECT_TRUE(after_a_second(1));
  for (std::uint64_t dropped = 2; dropped < 5; ++dropped) {
    for (int quiet = 1; quiet < FloodWatch::kQuiet.count(); ++quiet) {
      EXPECT_FALSE(after_a_second(dropped));
    }
  }
}

// Two begin in a minute, the third and the fourth are held back; the fourth goes on.
TEST_F(FloodWatchTest, OneThatGoesOnIsReportedInTheEnd) {
  after_a_second(0);
  std::uint64_t dropped = 0;
  unsigned begun = 0, ended = 0;
  for (int flood = 0; flood < 3; ++flood) {
    if (after_a_second(++dropped)) ++begun;
    for (int quiet = 0; quiet < FloodWatch::kQuiet.count(); ++quiet) {
      if (after_a_second(dropped)) ++ended;
    }
  }
  EXPECT_EQ(begun, 2u);
  EXPECT_EQ(ended, 2u) << "an end without a begin says nothing";
  std::optional<FloodWatch::Change> late;
  for (int second = 0; second < 60 && !late; ++second) late = after_a_second(dropped += 3);
  ASSERT_TRUE(late);
  EXPECT_TRUE(late->begun);
  EXPECT_EQ(late->count, 3u);
  EXPECT_EQ(late->left_out, 1u);
}

TEST_F(FloodWatchTest, WhatWasDroppedBeforeTheFirstReadingIsNoBegin) {
  EXPECT_FALSE(after_a_second(5'000));
  EXPECT_FALSE(after_a_second(5'000));
}

TEST_F(FloodWatchTest, CountersOfANewDataPlaneBeginWithZero) {
  after_a_second(5'000);
  EXPECT_FALSE(after_a_second(0));
  EXPECT_TRUE(after_a_second(3));
  after_a_second(3);
  for (int quiet = 1; quiet < FloodWatch::kQuiet.count(); ++quiet) after_a_second(3);
  const auto begun = after_a_second(2);
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->count, 2u);
}

}  // namespace
}  // namespace lb::controlplane
