#include "controlplane/health/schedule.h"

#include <gtest/gtest.h>

namespace lb::health {
namespace {

using std::chrono::milliseconds;

Schedule::TimePoint at_ms(int ms) {
  return Schedule::TimePoint(milliseconds(ms));
}

TEST(Schedule, CountsTheIntervalFromStartToStart) {
  Schedule schedule(milliseconds(2000), at_ms(500));
  EXPECT_EQ(schedule.due(), at_ms(500));
  schedule.started(at_ms(500));
  EXPECT_EQ(schedule.next_start(at_ms(501)), at_ms(2500));
  schedule.started(at_ms(2500));
  EXPECT_EQ(schedule.next_start(at_ms(3500)), at_ms(4500)) << "a timed-out check costs no time";
}

TEST(Schedule, NeverOverlaps) {
  Schedule schedule(milliseconds(1000), at_ms(0));
  schedule.started(at_ms(0));
  EXPECT_EQ(schedule.next_start(at_ms(3000)), at_ms(3000));
  schedule.started(at_ms(3000));
  EXPECT_EQ(schedule.next_start(at_ms(3001)), at_ms(4000));
}

TEST(Schedule, KeepsThePhaseAfterAnEarlyFirstRun) {
  Schedule schedule(milliseconds(2000), at_ms(1700));
  schedule.started(at_ms(3));
  EXPECT_EQ(schedule.next_start(at_ms(5)), at_ms(1700));
  schedule.started(at_ms(1700));
  EXPECT_EQ(schedule.next_start(at_ms(1701)), at_ms(3700));
}

TEST(Schedule, RunsAtOnceAfterALongFirstRun) {
  Schedule schedule(milliseconds(2000), at_ms(100));
  schedule.started(at_ms(0));
  EXPECT_EQ(schedule.next_start(at_ms(1000)), at_ms(1000));
  schedule.started(at_ms(1000));
  EXPECT_EQ(schedule.next_start(at_ms(1001)), at_ms(3000));
}

TEST(Schedule, DoesNotCatchUpAfterALateStart) {
  Schedule schedule(milliseconds(1000), at_ms(0));
  schedule.started(at_ms(0));
  schedule.started(at_ms(4300));
  EXPECT_EQ(schedule.next_start(at_ms(4301)), at_ms(5300));
}

TEST(Haste, RunsAtOnceAndThenNotBeforeASecondHasPassed) {
  Haste haste(milliseconds(60'000));
  EXPECT_EQ(haste.start(at_ms(500)), at_ms(500));
  haste.started(at_ms(500));
  EXPECT_EQ(haste.start(at_ms(600)), at_ms(1500));
  EXPECT_EQ(haste.start(at_ms(1700)), at_ms(1700));
}

TEST(Haste, WaitsAQuarterOfAShortInterval) {
  Haste haste(milliseconds(2000));
  haste.started(at_ms(100));
  EXPECT_EQ(haste.start(at_ms(101)), at_ms(600));
}

TEST(Haste, WaitsLongerAfterAGoodResult) {
  Haste haste(milliseconds(60'000));
  haste.started(at_ms(500));
  haste.found_good();
  EXPECT_EQ(haste.start(at_ms(600)), at_ms(15'500));
}

}  // namespace
}  // namespace lb::health
