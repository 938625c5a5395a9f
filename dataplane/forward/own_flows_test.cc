#include "dataplane/forward/own_flows.h"

#include <gtest/gtest.h>

#include <random>

#include "dataplane/conn/record.h"

namespace lb {
namespace {

using Kind = OwnFlows::Kind;
using Known = OwnFlows::Known;
constexpr std::uint32_t kTicksPerS = 1000 / kTickMs;

// Flows of one bucket: of 8 entries, by the hash's lowest bits.
constexpr std::uint64_t in_one_bucket(std::uint64_t number) {
  return (number + 1) << 32 | 5;
}

class OwnFlowsTest : public ::testing::Test {
 protected:
  void note(std::uint64_t flow, bool opened, std::uint32_t second = 0, Kind kind = Kind::kTcp) {
    flows_.note(flow, kind, opened, second * kTicksPerS);
  }
  void close(std::uint64_t flow, std::uint32_t second = 0) {
    flows_.close(flow, second * kTicksPerS);
  }
  Known find(std::uint64_t flow, std::uint32_t second = 0) const {
    return flows_.find(flow, second * kTicksPerS);
  }

  OwnFlows flows_{HashKey{{1, 2, 3, 4}}};
};

TEST_F(OwnFlowsTest, KnowsWhoBegan) {
  EXPECT_EQ(find(77), Known::kNo);
  note(77, false, 1);
  EXPECT_EQ(find(77, 1), Known::kAccepted);
  note(77, true, 1);
  note(77, false, 2);
  EXPECT_EQ(find(77, 2), Known::kOpened) << "its later packets do not change that";
  EXPECT_EQ(find(0, 2), Known::kNo) << "an empty entry is no flow";
  note(0, true, 1);
  EXPECT_EQ(find(0, 2), Known::kOpened);
}

TEST_F(OwnFlowsTest, ForgetsTheOneThatIsIdleLongest) {
  for (std::uint32_t flow = 0; flow < 8; ++flow) note(in_one_bucket(flow), true, flow);
  note(in_one_bucket(0), true, 8);
  note(in_one_bucket(8), true, 9);
  EXPECT_EQ(find(in_one_bucket(1), 9), Known::kNo);
  for (const std::uint64_t flow : {0U, 2U, 3U, 4U, 5U, 6U, 7U, 8U}) {
    EXPECT_EQ(find(in_one_bucket(flow), 9), Known::kOpened) << flow;
  }
}

TEST_F(OwnFlowsTest, ForgetsEndedOnesFirst) {
  for (std::uint64_t flow = 0; flow < 8; ++flow) note(in_one_bucket(flow), true);
  close(in_one_bucket(6));
  close(in_one_bucket(99));  // not known: nothing to end
  EXPECT_EQ(find(in_one_bucket(99)), Known::kNo);
  EXPECT_EQ(find(in_one_bucket(6)), Known::kOpened) << "its last segments are still to come";
  note(in_one_bucket(6), false, 50);
  note(in_one_bucket(8), true, 60);
  EXPECT_EQ(find(in_one_bucket(6), 60), Known::kNo);
  for (std::uint64_t flow = 0; flow < 6; ++flow) {
    EXPECT_EQ(find(in_one_bucket(flow), 60), Known::kOpened) << flow;
  }
}

TEST_F(OwnFlowsTest, OneThatIsOpenedAnewLivesAgain) {
  for (std::uint64_t flow = 0; flow < 8; ++flow) note(in_one_bucket(flow), true);
  close(in_one_bucket(6));
  note(in_one_bucket(6), true, 1);
  note(in_one_bucket(8), true, 2);
  EXPECT_EQ(find(in_one_bucket(6), 2), Known::kOpened);
}

// What a stranger finds out later is of no use to him.
TEST_F(OwnFlowsTest, AreForgottenInTime) {
  const std::pair<Kind, std::uint32_t> kinds[] = {{Kind::kTcp, OwnFlows::kTcpSeconds},
                                                  {Kind::kDatagram, OwnFlows::kDatagramSeconds}};
  std::uint64_t number = std::uint64_t{7} << 32;
  for (const auto& [kind, seconds] : kinds) {
    for (const bool opened : {false, true}) {
      const std::uint64_t flow = number += std::uint64_t{1} << 32;
      note(flow, opened, 100, kind);
      EXPECT_NE(find(flow, 100 + seconds - 1), Known::kNo);
      EXPECT_EQ(find(flow, 100 + seconds), Known::kNo);
      EXPECT_EQ(find(flow, 100 + 200'000), Known::kNo) << "two days";
      flows_.renew(flow, (100 + seconds) * kTicksPerS);
      EXPECT_EQ(find(flow, 100 + seconds), Known::kNo) << "a bare ACK revives nothing";
      note(flow, opened, 300'000, kind);
      EXPECT_EQ(find(flow, 300'001), opened ? Known::kOpened : Known::kAccepted);
    }
  }
}

TEST_F(OwnFlowsTest, EndedOnesAreForgottenSoon) {
  note(77, true);
  close(77, 1'000);
  EXPECT_EQ(find(77, 1'000 + OwnFlows::kClosedSeconds - 1), Known::kOpened);
  close(77, 1'030);  // the FIN again
  EXPECT_EQ(find(77, 1'000 + OwnFlows::kClosedSeconds), Known::kNo);
  flows_.renew(77, (1'000 + OwnFlows::kClosedSeconds) * kTicksPerS);
  EXPECT_EQ(find(77, 1'000 + OwnFlows::kClosedSeconds), Known::kNo) << "too late";
}

// A program of the director that has nothing more to say, and receives for an hour.
TEST_F(OwnFlowsTest, HalfClosedOnesGoOn) {
  note(77, false);
  close(77, 1'000);
  for (std::uint32_t second = 1'000; second < 4'600; second += 50) {
    flows_.renew(77, second * kTicksPerS);
    EXPECT_EQ(find(77, second + 49), Known::kAccepted) << second;
  }
  EXPECT_EQ(find(77, 4'550 + OwnFlows::kClosedSeconds), Known::kNo);
}

TEST_F(OwnFlowsTest, AreRenewedIfTheyAreKnown) {
  flows_.renew(77, 0);
  EXPECT_EQ(find(77), Known::kNo);
  note(77, false);
  for (std::uint32_t second = 0; second < 100'000; second += 7'200) {
    flows_.renew(77, second * kTicksPerS);
    EXPECT_EQ(find(77, second + 7'199), Known::kAccepted);
  }
}

// Workers whose clocks differ by a tick.
TEST_F(OwnFlowsTest, ANoteOfTheNextSecondIsFresh) {
  note(77, true, 11);
  EXPECT_EQ(find(77, 10), Known::kOpened);
}

// 10,000 health checks a second do not push an idle session out.
TEST_F(OwnFlowsTest, SessionsOutliveChecks) {
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> sessions;
  for (int i = 0; i < 100; ++i) {
    sessions.push_back(random());
    note(sessions.back(), false);
  }
  for (std::uint32_t check = 0; check < 1'000'000; ++check) {
    const std::uint64_t flow = random();
    flows_.note(flow, Kind::kTcp, true, check / 1'000);
    flows_.close(flow, check / 1'000);
  }
  for (const std::uint64_t session : sessions) EXPECT_EQ(find(session, 100), Known::kAccepted);
}

}  // namespace
}  // namespace lb
