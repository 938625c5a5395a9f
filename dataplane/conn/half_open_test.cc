#include "dataplane/conn/half_open.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace lb {
namespace {

class HalfOpenRingTest : public testing::Test {
 protected:
  HalfOpenRingTest() : records_(100) {}

  Record& open(std::uint32_t index) {
    records_[index].state = ConnState::kSynSent;
    records_[index].generation = 1;
    ring_.push({index, 1});
    return records_[index];
  }

  std::vector<Record> records_;
  std::array<Handle, 8> memory_{};
  HalfOpenRing ring_{memory_, records_.data()};
};

TEST_F(HalfOpenRingTest, GivesTheOldestAndKeepsIt) {
  EXPECT_EQ(ring_.oldest(10), nullptr);
  Record& first = open(5);
  open(3);
  EXPECT_EQ(ring_.oldest(10), &first);
  EXPECT_EQ(ring_.oldest(10), &first);
}

TEST_F(HalfOpenRingTest, SkipsEstablishedDeadAndReused) {
  open(0).state = ConnState::kEstablished;
  open(1).state = ConnState::kDead;
  open(2).generation = 3;  // another connection by now, half-open too
  Record& fourth = open(3);
  fourth.state = ConnState::kSynReceived;
  EXPECT_EQ(ring_.oldest(10), &fourth);
}

TEST_F(HalfOpenRingTest, ScansNoMoreThanAsked) {
  for (std::uint32_t i = 0; i < 5; ++i) open(i).state = ConnState::kEstablished;
  Record& last = open(5);
  EXPECT_EQ(ring_.oldest(3), nullptr);
  EXPECT_EQ(ring_.oldest(3), &last);
}

TEST_F(HalfOpenRingTest, ForgetsTheOldestWhenFull) {
  for (std::uint32_t i = 0; i < 20; ++i) open(i);
  for (std::uint32_t i = 12; i < 20; ++i) {
    ASSERT_EQ(ring_.oldest(1), &records_[i]);
    records_[i].state = ConnState::kDead;
    EXPECT_EQ(ring_.oldest(1), nullptr);
  }
  EXPECT_EQ(ring_.oldest(10), nullptr);
}

}  // namespace
}  // namespace lb
