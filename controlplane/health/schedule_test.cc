#include "controlplane/health/schedule.h"

#include <gtest/gtest.h>

namespace lb::health {
namespace {

using std::chrono::milliseconds;

Schedule::TimePoint at(int ms) {
  return Schedule::TimePoint(milliseconds(ms));
}

TEST(Schedule, CountsTheIntervalFromStartToStart) {
  Schedule schedule(milliseconds(2000), at(500));
  EXPECT_EQ(schedule.due(), at(500));
  schedule.started(at(500));
  EXPECT_EQ(schedule.next_start(at(501)), at(2500));
  schedule.started(at(2500));
  EXPECT_EQ(schedule.next_start(at(3500)), at(4500)) << "a timed-out check costs no time";
}

TEST(Schedule, ACheckNeverOverlapsItself) {
  Schedule schedule(milliseconds(1000), at(0));
  schedule.started(at(0));
  EXPECT_EQ(schedule.next_start(at(3000)), at(3000));
  schedule.started(at(3000));
  EXPECT_EQ(schedule.next_start(at(3001)), at(4000));
}

TEST(Schedule, AFirstRunBeforeThePhaseLeavesThePhase) {
  Schedule schedule(milliseconds(2000), at(1700));
  schedule.started(at(3));
  EXPECT_EQ(schedule.next_start(at(5)), at(1700));
  schedule.started(at(1700));
  EXPECT_EQ(schedule.next_start(at(1701)), at(3700));
}

TEST(Schedule, AFirstRunThatOutlastsThePhaseIsFollowedAtOnce) {
  Schedule schedule(milliseconds(2000), at(100));
  schedule.started(at(0));
  EXPECT_EQ(schedule.next_start(at(1000)), at(1000));
  schedule.started(at(1000));
  EXPECT_EQ(schedule.next_start(at(1001)), at(3000));
}

TEST(Schedule, ALateStartIsNotMadeUpFor) {
  Schedule schedule(milliseconds(1000), at(0));
  schedule.started(at(0));
  schedule.started(at(4300));
  EXPECT_EQ(schedule.next_start(at(4301)), at(5300));
}

TEST(Haste, RunsAtOnceAndThenNotBeforeASecondHasPassed) {
  Haste haste(milliseconds(60'000));
  EXPECT_EQ(haste.start(at(500)), at(500));
  haste.started(at(500));
  EXPECT_EQ(haste.start(at(600)), at(1500));
  EXPECT_EQ(haste.start(at(1700)), at(1700));
}

TEST(Haste, AShortIntervalIsQuartered) {
  Haste haste(milliseconds(2000));
  haste.started(at(100));
  EXPECT_EQ(haste.start(at(101)), at(600));
}

TEST(Haste, EvidenceThatWasWrongHasToWaitLonger) {
  Haste haste(milliseconds(60'000));
  haste.started(at(500));
  haste.found_good();
  EXPECT_EQ(haste.start(at(600)), at(15'500));
}

}  // namespace
}  // namespace lb::health
