#include "dataplane/forward/own_flows.h"

#include <gtest/gtest.h>

#include <random>

#include "dataplane/conn/record.h"

namespace lb {
namespace {

using Known = OwnFlows::Known;
constexpr std::uint32_t kTicksPerS = 1000 / kTickMs;

// Flows of one bucket: of 8 entries, by the hash's lowest bits.
constexpr std::uint64_t in_one_bucket(std::uint64_t number) {
  return (number + 1) << 32 | 5;
}

class OwnFlowsTest : public ::testing::Test {
 protected:
  OwnFlows flows_{HashKey{{1, 2, 3, 4}}};
};

TEST_F(OwnFlowsTest, KnowsWhoBegan) {
  EXPECT_EQ(flows_.find(77), Known::kNo);
  flows_.note(77, false, 10);
  EXPECT_EQ(flows_.find(77), Known::kAccepted);
  flows_.note(77, true, 10);
  flows_.note(77, false, 20);
  EXPECT_EQ(flows_.find(77), Known::kOpened) << "its later packets do not change that";
  EXPECT_EQ(flows_.find(0), Known::kNo) << "an empty entry is no flow";
  flows_.note(0, true, 10);
  EXPECT_EQ(flows_.find(0), Known::kOpened);
}

TEST_F(OwnFlowsTest, ForgetsTheOneThatIsIdleLongest) {
  for (std::uint64_t flow = 0; flow < 8; ++flow) {
    flows_.note(in_one_bucket(flow), true, static_cast<std::uint32_t>(flow) * kTicksPerS);
  }
  flows_.note(in_one_bucket(0), true, 8 * kTicksPerS);
  flows_.note(in_one_bucket(8), true, 9 * kTicksPerS);
  EXPECT_EQ(flows_.find(in_one_bucket(1)), Known::kNo);
  for (const std::uint64_t flow : {0U, 2U, 3U, 4U, 5U, 6U, 7U, 8U}) {
    EXPECT_EQ(flows_.find(in_one_bucket(flow)), Known::kOpened) << flow;
  }
}

TEST_F(OwnFlowsTest, ForgetsEndedOnesFirst) {
  for (std::uint64_t flow = 0; flow < 8; ++flow) flows_.note(in_one_bucket(flow), true, 0);
  flows_.close(in_one_bucket(6));
  flows_.close(in_one_bucket(99));  // not known: nothing to end
  EXPECT_EQ(flows_.find(in_one_bucket(99)), Known::kNo);
  EXPECT_EQ(flows_.find(in_one_bucket(6)), Known::kOpened) << "its last segments are still to come";
  flows_.note(in_one_bucket(6), false, 50 * kTicksPerS);
  flows_.note(in_one_bucket(8), true, 60 * kTicksPerS);
  EXPECT_EQ(flows_.find(in_one_bucket(6)), Known::kNo);
  for (std::uint64_t flow = 0; flow < 6; ++flow) {
    EXPECT_EQ(flows_.find(in_one_bucket(flow)), Known::kOpened) << flow;
  }
}

TEST_F(OwnFlowsTest, OneThatIsOpenedAnewLivesAgain) {
  for (std::uint64_t flow = 0; flow < 8; ++flow) flows_.note(in_one_bucket(flow), true, 0);
  flows_.close(in_one_bucket(6));
  flows_.note(in_one_bucket(6), true, kTicksPerS);
  flows_.note(in_one_bucket(8), true, 2 * kTicksPerS);
  EXPECT_EQ(flows_.find(in_one_bucket(6)), Known::kOpened);
}

// 10,000 health checks a second do not push an idle session out.
TEST_F(OwnFlowsTest, SessionsOutliveChecks) {
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> sessions;
  for (int i = 0; i < 100; ++i) {
    sessions.push_back(random());
    flows_.note(sessions.back(), false, 0);
  }
  for (std::uint32_t check = 0; check < 1'000'000; ++check) {
    const std::uint64_t flow = random();
    flows_.note(flow, true, check / 1'000);
    flows_.close(flow);
  }
  for (const std::uint64_t session : sessions) EXPECT_EQ(flows_.find(session), Known::kAccepted);
}

}  // namespace
}  // namespace lb
