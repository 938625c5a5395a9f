#include "dataplane/control/syn_proxy_watch.h"

#include <gtest/gtest.h>

namespace lb {
namespace {

constexpr std::uint32_t kThreshold = 1'000;

class SwitchTest : public ::testing::Test {
 protected:
  // A second of looks, with so many half-open connections, cookies and answers in it.
  void second(std::int64_t half_open, unsigned cookies = 0, unsigned proven = 0) {
    for (unsigned tick = 0; tick < SynProxySwitch::kSecond; ++tick) {
      counts_.cookies += cookies / SynProxySwitch::kSecond;
      counts_.proven += proven / SynProxySwitch::kSecond;
      active_ = switch_.update(active_, half_open, counts_, kThreshold, now_++);
    }
  }

  SynProxySwitch switch_;
  SynProxyCounts counts_;
  bool active_ = false;
  std::uint32_t now_ = 0xffff'fff0;  // it wraps
};

TEST_F(SwitchTest, BeginsAboveTheThreshold) {
  second(kThreshold);
  EXPECT_FALSE(active_);
  active_ = switch_.update(active_, kThreshold + 1, counts_, kThreshold, now_);
  EXPECT_TRUE(active_);
}

TEST_F(SwitchTest, EndsAfterTenCalmSeconds) {
  second(kThreshold + 1);
  for (int i = 0; i < 9; ++i) second(kThreshold / 2);
  EXPECT_TRUE(active_);
  second(kThreshold / 2);
  second(kThreshold / 2);
  EXPECT_FALSE(active_);
}

// Between the two it stays as it is.
TEST_F(SwitchTest, HasHysteresis) {
  for (int i = 0; i < 30; ++i) second(kThreshold / 2 + 1);
  EXPECT_FALSE(active_);
  second(kThreshold + 1);
  for (int i = 0; i < 30; ++i) second(kThreshold / 2 + 1);
  EXPECT_TRUE(active_);
}

// The flood goes on and nothing of it is half-open any more.
TEST_F(SwitchTest, GoesOnWhileCookiesAreNotProven) {
  second(kThreshold + 1);
  for (int i = 0; i < 60; ++i) second(0, 5'000, 1'000);
  EXPECT_TRUE(active_);
  for (int i = 0; i < 12; ++i) second(0, 5'000, 5'000);
  EXPECT_FALSE(active_) << "many clients, all of them honest";
}

// The counts begin anew with another service in the slot.
TEST_F(SwitchTest, SurvivesCountsThatGoBack) {
  second(kThreshold + 1);
  second(0, 50'000, 0);
  counts_ = {};
  for (int i = 0; i < 12; ++i) second(0);
  EXPECT_FALSE(active_);
}

}  // namespace
}  // namespace lb
