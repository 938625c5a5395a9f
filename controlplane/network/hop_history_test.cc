#include "controlplane/network/hop_history.h"

#include <gtest/gtest.h>

namespace lb::controlplane {
namespace {

using std::chrono::seconds;
using Move = HopHistory::Move;
using Moves = std::vector<Move>;
using Asked = std::vector<Address>;

const Address kGatewayAddress = Ipv4Address::from_host(0xc0000201);
const Address kRouter1 = Ipv4Address::from_host(0xc0000202);  // own addresses of two routers
const Address kRouter2 = Ipv4Address::from_host(0xc0000203);
const Address kHost = Ipv4Address::from_host(0xc0000263);

NextHopSpec hop(std::uint8_t number, std::uint16_t vlan = 0, const std::string& port = "wan") {
  return {port, vlan, {{2, 0, 0, 0, 0, number}}};
}

class History : public testing::Test {
 protected:
  void found(Address address, const NextHopSpec& at) { history.found(address, at, now); }
  void removed(Address address) { history.removed(address, "wan", 0, now); }
  void failed(Address address) { history.failed(address, "wan", 0, now); }
  HopHistory::Decision decide() { return history.decide(now); }
  Moves moves() { return decide().moves; }

  HopHistory history;
  HopHistory::Time now{seconds(1'000)};
};

TEST_F(History, MovesTheConnectionsOfAnAddressThatMoves) {
  found(kHost, hop(1));
  EXPECT_EQ(moves(), Moves{});
  found(kHost, hop(1));
  EXPECT_EQ(moves(), Moves{});
  found(kHost, hop(2));
  EXPECT_EQ(moves(), (Moves{{hop(1), hop(2)}}));
  EXPECT_EQ(moves(), Moves{});
}

TEST_F(History, RemembersTheMacThroughFailureAndRemoval) {
  found(kHost, hop(1));
  failed(kHost);
  removed(kHost);
  EXPECT_EQ(moves(), Moves{});
  now += seconds(600);
  decide();
  found(kHost, hop(2));
  EXPECT_EQ(moves(), (Moves{{hop(1), hop(2)}}));
}

TEST_F(History, ForgetsWhatWasGoneForLong) {
  found(kHost, hop(1));
  removed(kHost);
  decide();
  now += HopHistory::kMemory;
  const auto decision = decide();
  ASSERT_EQ(decision.remember.size(), 1U);
  EXPECT_EQ(decision.remember[0], (std::pair<Address, std::optional<NextHopSpec>>{kHost, {}}));
  found(kHost, hop(2));
  EXPECT_EQ(moves(), Moves{}) << "the MAC may be another machine's by now";
}

TEST_F(History, MovesNothingWhenItWasBackBeforeTheDecision) {
  found(kHost, hop(1));
  found(kHost, hop(2));
  found(kHost, hop(1));
  EXPECT_EQ(moves(), (Moves{{hop(2), hop(1)}})) << "what came by the other one meanwhile";
}

TEST_F(History, MovesWhatSeveralStepsLeftBehind) {
  found(kHost, hop(1));
  found(kHost, hop(2));
  found(kHost, hop(3));
  EXPECT_EQ(moves(), (Moves{{hop(1), hop(3)}, {hop(2), hop(3)}}));
}

TEST_F(History, FollowsAnAddressToAnotherVlanAndPort) {
  found(kHost, hop(1, 7));
  found(kHost, hop(1, 8));
  EXPECT_EQ(moves(), (Moves{{hop(1, 7), hop(1, 8)}}));
  found(kHost, hop(1, 0, "lan"));
  EXPECT_EQ(moves(), (Moves{{hop(1, 8), hop(1, 0, "lan")}}));
  // The old interface forgets it, which says nothing about the new one.
  history.failed(kHost, "wan", 8, now);
  found(kRouter1, hop(1, 0, "lan"));
  decide();
  found(kRouter1, hop(2, 0, "lan"));
  EXPECT_EQ(decide().ask, Asked{kHost});
}

TEST_F(History, LetsTwoNeighboursChangePlaces) {
  found(kRouter1, hop(1));
  found(kRouter2, hop(2));
  decide();
  found(kRouter1, hop(2));
  found(kRouter2, hop(1));
  EXPECT_EQ(moves(), (Moves{{hop(1), hop(2)}, {hop(2), hop(1)}}));
}

// VRRP without virtual MACs: the address moves from one living router to another, which has an
// address of its own at either MAC.
TEST_F(History, FollowsAGatewayOfOursAtOnce) {
  history.set_gateways({kGatewayAddress});
  found(kGatewayAddress, hop(1));
  found(kRouter1, hop(1));
  found(kRouter2, hop(2));
  decide();
  found(kGatewayAddress, hop(2));
  const auto decision = decide();
  EXPECT_EQ(decision.moves, (Moves{{hop(1), hop(2)}}));
  EXPECT_EQ(decision.ask, Asked{});
}

TEST_F(History, AsksTheOthersWhenOneOfTwoGatewaysMoves) {
  history.set_gateways({kGatewayAddress, kRouter1});
  found(kGatewayAddress, hop(1));
  found(kRouter1, hop(1));
  decide();
  found(kGatewayAddress, hop(2));
  const auto decision = decide();
  EXPECT_EQ(decision.moves, Moves{});
  EXPECT_EQ(decision.ask, Asked{kRouter1});
  EXPECT_EQ(decision.again, now + HopHistory::kAnswerTime);
}

TEST_F(History, MovesNothingWhileTheMachineLives) {
  found(kRouter1, hop(1));
  found(kHost, hop(1));
  decide();
  found(kHost, hop(2));
  EXPECT_EQ(decide().ask, Asked{kRouter1});
  // What the kernel had reported before it was asked is no answer.
  found(kRouter1, hop(1));
  EXPECT_EQ(moves(), Moves{});
  removed(kRouter1);
  EXPECT_EQ(moves(), Moves{});
  found(kRouter1, hop(1));
  const auto decision = decide();
  EXPECT_EQ(decision.moves, Moves{});
  EXPECT_EQ(decision.again, std::nullopt);
  now += HopHistory::kAnswerTime;
  EXPECT_EQ(moves(), Moves{}) << "that is decided";
  // It follows later, when the rest of the machine moves.
  found(kRouter1, hop(3));
  EXPECT_EQ(moves(), (Moves{{hop(1), hop(3)}}));
}

TEST_F(History, MovesWhenNobodyAnswers) {
  found(kRouter1, hop(1));
  found(kHost, hop(1));
  removed(kHost);
  decide();
  found(kRouter1, hop(2));
  EXPECT_EQ(decide().ask, Asked{kHost});
  now += HopHistory::kAnswerTime - seconds(1);
  EXPECT_EQ(moves(), Moves{});
  now += seconds(1);
  EXPECT_EQ(moves(), (Moves{{hop(1), hop(2)}}));
}

TEST_F(History, MovesWhenTheOthersFailOrMoveToo) {
  found(kGatewayAddress, hop(1));
  found(kRouter1, hop(1));
  found(kHost, hop(1));
  decide();
  found(kGatewayAddress, hop(2));
  EXPECT_EQ(decide().ask, (Asked{kRouter1, kHost}));
  removed(kRouter1);
  failed(kRouter1);
  removed(kHost);
  EXPECT_EQ(moves(), Moves{});
  found(kHost, hop(2));
  EXPECT_EQ(moves(), (Moves{{hop(1), hop(2)}}));
}

TEST_F(History, DoesNotAskWhoFailedBefore) {
  found(kRouter1, hop(1));
  found(kHost, hop(1));
  failed(kRouter1);
  found(kHost, hop(2));
  EXPECT_EQ(moves(), (Moves{{hop(1), hop(2)}}));
}

TEST_F(History, AsksFewOfManyAddressesAtOneMac) {
  for (std::uint32_t n = 0; n < 1'000; ++n) {
    found(Ipv4Address::from_host(0x0a000000 + n), hop(1));
  }
  found(kHost, hop(1));
  decide();
  found(kHost, hop(2));
  EXPECT_EQ(decide().ask.size(), HopHistory::kMostAsked);
  now += HopHistory::kAnswerTime;
  EXPECT_EQ(moves(), (Moves{{hop(1), hop(2)}}));
}

// Two addresses of a router go to two others.
TEST_F(History, PrefersTheGatewayOfTwoThatLeaveAMac) {
  history.set_gateways({kRouter2});
  found(kRouter1, hop(1));
  found(kRouter2, hop(1));
  decide();
  found(kRouter1, hop(2));
  found(kRouter2, hop(3));
  EXPECT_EQ(moves(), (Moves{{hop(1), hop(3)}}));
}

TEST_F(History, TellsWhatTheNextProcessNeeds) {
  found(kHost, hop(1));
  found(kRouter1, hop(2));
  const auto decision = decide();
  ASSERT_EQ(decision.remember.size(), 2U);
  EXPECT_EQ(decide().remember.size(), 0U);
  HopHistory next;
  for (const auto& [address, at] : decision.remember) next.restore(address, *at, now);
  // Meanwhile one has moved.
  next.found(kRouter1, hop(2), now);
  next.found(kHost, hop(3), now);
  EXPECT_EQ(next.decide(now).moves, (Moves{{hop(1), hop(3)}}));
}

TEST_F(History, RemembersABoundedNumber) {
  const auto address = [](std::size_t n) {
    return Address(Ipv4Address::from_host(0x0a000000 + static_cast<std::uint32_t>(n)));
  };
  for (std::size_t n = 0; n < HopHistory::kMostAddresses; ++n) found(address(n), hop(1));
  found(kHost, hop(2));
  EXPECT_EQ(history.find(kHost), nullptr);
  history.removed(address(5), "wan", 0, now);
  found(kHost, hop(2));
  ASSERT_NE(history.find(kHost), nullptr);
  EXPECT_EQ(history.find(address(5)), nullptr) << "it made room";
}

}  // namespace
}  // namespace lb::controlplane
