#include "controlplane/failover/late_adverts.h"

#include <gtest/gtest.h>

namespace lb::controlplane {
namespace {

using namespace std::chrono_literals;

constexpr auto kLimit = 200ms;
const Ipv4Address kMaster = Ipv4Address::parse("192.0.2.2").value();
const Ipv4Address kOther = Ipv4Address::parse("192.0.2.3").value();

TEST(LateAdverts, CountsWhatComesAfterTheLimit) {
  LateAdverts late;
  LateAdverts::Time now{1'000s};
  EXPECT_FALSE(late.received(kMaster, now, kLimit));
  EXPECT_FALSE(late.received(kMaster, now += 100ms, kLimit));
  EXPECT_FALSE(late.received(kMaster, now += 200ms, kLimit));
  EXPECT_EQ(late.received(kMaster, now += 201ms, kLimit), 201ms);
  EXPECT_EQ(late.received(kMaster, now += 350ms, kLimit), 350ms);
  EXPECT_EQ(late.received(kMaster, now += 250ms, kLimit), 250ms);
  EXPECT_EQ(late.count(), 3U);
  EXPECT_EQ(late.longest(), 350ms);
}

TEST(LateAdverts, AnotherMasterIsNotLate) {
  LateAdverts late;
  LateAdverts::Time now{1'000s};
  EXPECT_FALSE(late.received(kMaster, now, kLimit));
  EXPECT_FALSE(late.received(kOther, now += 350ms, kLimit));
  EXPECT_TRUE(late.received(kOther, now += 350ms, kLimit));
}

TEST(LateAdverts, NobodyIsLateAfterATransition) {
  LateAdverts late;
  LateAdverts::Time now{1'000s};
  EXPECT_FALSE(late.received(kMaster, now, kLimit));
  late.reset();
  EXPECT_FALSE(late.received(kMaster, now += 1h, kLimit));
  EXPECT_EQ(late.count(), 0U);
}

}  // namespace
}  // namespace lb::controlplane
