#include "controlplane/health/tracker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace lb::health {
namespace {

using TimePoint = Tracker::TimePoint;

TimePoint at_second(int number) {
  return TimePoint(std::chrono::seconds(number));
}

// The rule in its plainest form: looks back over the whole history for every result.
bool turns_by_the_book(const std::vector<bool>& results, bool up, bool new_target,
                       std::uint32_t rise, std::uint32_t fall) {
  if (!up && new_target && results.size() == 1) return results.front();
  const std::size_t needed = std::max(up ? fall : rise, 1u);
  if (results.size() < needed) return false;
  return std::all_of(results.end() - static_cast<std::ptrdiff_t>(needed), results.end(),
                     [up](bool good) { return good != up; });
}

void play(unsigned sequence, unsigned length, std::optional<bool> initial_up, std::uint32_t rise,
          std::uint32_t fall) {
  Tracker tracker(rise, fall, initial_up, at_second(0));
  bool up = initial_up.value_or(false);
  TimePoint since = at_second(0);
  std::vector<bool> results;
  std::uint32_t in_a_row = 0;
  for (unsigned i = 0; i < length; ++i) {
    const bool good = (sequence >> i & 1) != 0;
    in_a_row = !results.empty() && results.back() == good ? in_a_row + 1 : 1;
    results.push_back(good);
    const bool turns = turns_by_the_book(results, up, !initial_up.has_value(), rise, fall);
    const TimePoint now = at_second(static_cast<int>(i) + 1);
    if (turns) {
      up = !up;
      since = now;
    }
    ASSERT_EQ(tracker.add_result(good, now), turns);
    ASSERT_EQ(tracker.up(), up);
    ASSERT_EQ(tracker.since(), since);
    ASSERT_EQ(tracker.rise_count(), good ? in_a_row : 0);
    ASSERT_EQ(tracker.fall_count(), good ? 0 : in_a_row);
  }
}

TEST(Tracker, FollowsTheRuleForEverySequenceOfTenResults) {
  constexpr unsigned kLength = 10;
  for (std::uint32_t rise = 0; rise <= 4; ++rise) {
    for (std::uint32_t fall = 0; fall <= 4; ++fall) {
      for (const std::optional<bool> initial_up :
           {std::optional<bool>{}, std::optional(true), std::optional(false)}) {
        for (unsigned sequence = 0; sequence < 1u << kLength; ++sequence) {
          play(sequence, kLength, initial_up, rise, fall);
          ASSERT_FALSE(testing::Test::HasFatalFailure())
              << "rise " << rise << " fall " << fall << " sequence " << sequence;
        }
      }
    }
  }
}

TEST(Tracker, KeepsAKnownStateUntilEnoughResultsContradict) {
  Tracker up(2, 3, true, at_second(0));
  EXPECT_TRUE(up.up());
  EXPECT_FALSE(up.add_result(false, at_second(1)));
  EXPECT_FALSE(up.add_result(false, at_second(2)));
  EXPECT_TRUE(up.add_result(false, at_second(3)));
  EXPECT_FALSE(up.up());
  EXPECT_EQ(up.since(), at_second(3));

  Tracker down(2, 3, false, at_second(0));
  EXPECT_FALSE(down.add_result(true, at_second(1)));
  EXPECT_TRUE(down.add_result(true, at_second(2)));
  EXPECT_TRUE(down.up());
}

TEST(Tracker, DecidesByTheFirstResultOfANewTarget) {
  Tracker lucky(5, 3, std::nullopt, at_second(0));
  EXPECT_FALSE(lucky.up());
  EXPECT_TRUE(lucky.add_result(true, at_second(1)));
  EXPECT_TRUE(lucky.up());

  Tracker unlucky(2, 3, std::nullopt, at_second(0));
  EXPECT_FALSE(unlucky.add_result(false, at_second(1)));
  EXPECT_FALSE(unlucky.add_result(true, at_second(2)));
  EXPECT_TRUE(unlucky.add_result(true, at_second(3)));
}

TEST(Tracker, ResetsTheCountOfBadResultsOnAGoodOne) {
  Tracker tracker(1, 2, true, at_second(0));
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(tracker.add_result(false, at_second(i)));
    EXPECT_FALSE(tracker.add_result(true, at_second(i)));
  }
  EXPECT_TRUE(tracker.up());
}

TEST(Tracker, StaysUpWhileFallIsNotReached) {
  Tracker tracker(1, std::numeric_limits<std::uint32_t>::max(), true, at_second(0));
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(tracker.add_result(false, at_second(i)));
  EXPECT_EQ(tracker.fall_count(), 1000u);
}

}  // namespace
}  // namespace lb::health
