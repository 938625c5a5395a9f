#include "controlplane/failover/lateness.h"

#include <gtest/gtest.h>

namespace lb::controlplane {
namespace {

using namespace std::chrono_literals;

constexpr auto kLimit = 200ms;

TEST(Lateness, CountsWhatComesAfterTheLimit) {
  Lateness late;
  Lateness::Time now{1'000s};
  EXPECT_FALSE(late.received(now, kLimit));
  EXPECT_FALSE(late.received(now += 100ms, kLimit));
  EXPECT_FALSE(late.received(now += 200ms, kLimit));
  EXPECT_EQ(late.received(now += 201ms, kLimit), 201ms);
  EXPECT_EQ(late.received(now += 350ms, kLimit), 350ms);
  EXPECT_EQ(late.received(now += 250ms, kLimit), 250ms);
  EXPECT_EQ(late.count(), 3U);
  EXPECT_EQ(late.longest(), 350ms);
}

TEST(Lateness, NothingIsLateAfterAReset) {
  Lateness late;
  Lateness::Time now{1'000s};
  EXPECT_FALSE(late.received(now, kLimit));
  late.reset();
  EXPECT_FALSE(late.received(now += 1h, kLimit));
  EXPECT_EQ(late.count(), 0U);
}

}  // namespace
}  // namespace lb::controlplane
