// TCP connections under attack by someone who knows the addresses and ports of both ends and sees none
// of their segments: what is living lives on, with its whole lifetime.
#include <gtest/gtest.h>

#include "tests/golden/tcp_scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kRst;
using test::kSyn;

// One number in each window: half of all a director can tell apart.
constexpr std::uint32_t kHalfWindow = 4U << 20;

template <typename Send>
void sweep(Send&& send) {
  for (std::uint64_t seq = 0; seq < std::uint64_t{1} << 32; seq += kHalfWindow) {
    send(static_cast<std::uint32_t>(seq));
  }
}

// Until the client is asked, or the connection is gone.
std::vector<Probe> wait_for_probe(TcpScene& t) {
  for (int ticks = 0; ticks < 200 && t.connections() != 0; ++ticks) {
    if (auto probes = t.advance(kTickMs); !probes.empty()) return probes;
  }
  return {};
}

class TcpAttack : public testing::TestWithParam<Mode> {
 protected:
  TcpAttack() {
    t.spec.timeouts = ConnTimeouts();
    t.apply();
    t.establish();
  }
  // The client of an idle connection knows nothing of the attack and answers.
  void expect_lives_when_asked() {
    const auto probes = wait_for_probe(t);
    ASSERT_EQ(probes.size(), 1U);
    EXPECT_EQ(probes[0].tuple,
              (FlowTuple{kVip, kClient, Be16::from_host(80), Be16::from_host(kTcpPort)}));
    EXPECT_EQ(probes[0].hop, ClientHop::make(kRouterMac.data(), 0, kWan));
    t.client_ack();
    EXPECT_EQ(t.state(), "ESTABLISHED");
    t.advance(800'000);
    EXPECT_EQ(t.state(), "ESTABLISHED") << "with its whole lifetime";
    t.client_fin();
    EXPECT_EQ(t.state(), nat() ? "CLOSE_WAIT" : "FIN_WAIT") << "its numbers count";
  }
  bool nat() const { return GetParam() == Mode::kNat; }

  TcpScene t{GetParam()};
};

TEST_P(TcpAttack, AnIdleOneIsAskedAfterASweepOfResets) {
  sweep([&](std::uint32_t seq) { t.client({.flags = kRst, .seq = seq}); });
  ASSERT_EQ(t.state(), "CLOSED");
  expect_lives_when_asked();
}

TEST_P(TcpAttack, ABusyOneGoesOnAfterASweepOfResets) {
  sweep([&](std::uint32_t seq) {
    t.client({.flags = kRst, .seq = seq});
    t.client({.flags = kSyn, .seq = seq + kFar});
  });
  ASSERT_EQ(t.state(), "CLOSED");
  t.advance(kUnderWayMs);
  EXPECT_TRUE(goes_to(t.client({.flags = kAck, .seq = t.c, .ack = t.s, .size = 10}), kServer1Mac));
  EXPECT_EQ(t.state(), "ESTABLISHED");
}

// The numbers move on by more than a window before it is revived.
TEST_P(TcpAttack, AFastTransferGoesOnAfterASweepOfResets) {
  for (const bool upload : {true, false}) {
    t.client({.flags = kRst, .seq = t.c - kHalfWindow});
    ASSERT_EQ(t.state(), "CLOSED");
    for (int step = 0; step < 10; ++step) {
      (upload ? t.c : t.s) += kHalfWindow;
      if (nat()) t.server_ack();
      t.client_ack();
      if (nat()) t.server_ack();
      t.advance(100);
    }
    t.client_ack();
    EXPECT_EQ(t.state(), "ESTABLISHED");
    t.client({.flags = kRst, .seq = t.c - 32 * kHalfWindow});
    EXPECT_EQ(t.state(), "ESTABLISHED");
  }
}

TEST_P(TcpAttack, ALaterFragmentDoesNotProlongWhatIsOver) {
  t.client_reset();
  for (int i = 0; i < 100; ++i) {
    const auto fragments = test::fragments(test::tcp_frame(from_router(), client_to_vip(),
                                                           {.sport = kTcpPort,
                                                            .dport = 80,
                                                            .seq = t.c + kFar,
                                                            .flags = kRst,
                                                            .payload = test::pattern(1'600)}),
                                           800);
    for (const Bytes& fragment : fragments) t.send(kWan, fragment);
    t.advance(100);
  }
  EXPECT_EQ(t.connections(), 0U);
}

TEST_P(TcpAttack, AHandshakeOfItsOwnDoesNotMakeAResetCount) {
  const std::uint32_t isn = t.c + kFar;
  EXPECT_TRUE(goes_to(t.client({.flags = kSyn, .seq = isn}), kServer1Mac));
  t.client({.flags = kAck, .seq = isn + 1, .ack = t.s + kFar});
  t.client({.flags = kRst, .seq = isn + 1});
  if (!nat()) return expect_lives_when_asked();
  EXPECT_EQ(t.state(), "ESTABLISHED");
  t.client_fin();
  EXPECT_EQ(t.state(), "CLOSE_WAIT");
}

TEST_P(TcpAttack, NumbersThatWereLedAstrayAreLearntAnew) {
  sweep([&](std::uint32_t off) { t.client({.flags = kAck, .seq = t.c + off, .ack = t.s + kFar}); });
  t.client({.flags = kRst, .seq = t.c - kHalfWindow});
  if (!nat()) {
    ASSERT_EQ(t.state(), "CLOSED") << "nobody acknowledges what the client sends";
    return expect_lives_when_asked();
  }
  EXPECT_EQ(t.state(), "CLOSED") << "it was in the window";
  t.advance(kUnderWayMs);
  t.server_ack();
  EXPECT_EQ(t.state(), "ESTABLISHED");
}

TEST_P(TcpAttack, WithoutAnAnswerItEnds) {
  t.client_reset();
  EXPECT_EQ(wait_for_probe(t).size(), 1U);
  // The client's kernel, which knows nothing of it.
  t.client({.flags = kRst, .seq = 0});
  EXPECT_TRUE(wait_for_probe(t).empty()) << "once";
  EXPECT_EQ(t.connections(), 0U);
}

TEST_P(TcpAttack, WhatWasUnderWayDoesNotRevive) {
  t.client_reset();
  t.client({.flags = kAck, .seq = t.c - 100, .ack = t.s, .size = 100});
  if (nat()) t.server_data(1'000);
  EXPECT_EQ(t.state(), "CLOSED");
  t.advance(10'000);
  EXPECT_EQ(t.connections(), 0U) << "and does not prolong it";
}

INSTANTIATE_TEST_SUITE_P(Modes, TcpAttack, testing::Values(Mode::kNat, Mode::kDr),
                         [](const auto& mode) { return mode.param == Mode::kNat ? "Nat" : "Dr"; });

TEST(TcpAttackNat, AFinHasToAcknowledgeToo) {
  TcpScene t(Mode::kNat);
  t.establish();
  sweep([&](std::uint32_t seq) {
    t.client({.flags = kFin | kAck, .seq = seq, .ack = t.s + kFar});
    t.server({.flags = kFin | kAck, .seq = seq, .ack = t.c + kFar});
  });
  EXPECT_EQ(t.state(), "ESTABLISHED");
}

TEST(TcpAttackNat, OfOneThatBothHaveClosedNobodyIsAsked) {
  TcpScene t(Mode::kNat);
  t.spec.timeouts = ConnTimeouts();
  t.apply();
  t.establish();
  t.client_fin();
  t.server_fin();
  t.client_ack();
  ASSERT_EQ(t.state(), "CLOSED");
  EXPECT_TRUE(wait_for_probe(t).empty());
  EXPECT_EQ(t.connections(), 0U);
}

// More than one call can send are all asked, one after the other.
TEST(TcpAttackNat, EachOfManyIsAsked) {
  constexpr std::uint16_t kMany = 200;
  Scene world(Mode::kNat);
  world.spec.timeouts = ConnTimeouts();
  world.apply();
  for (std::uint16_t n = 0; n < kMany; ++n) {
    const auto port = static_cast<std::uint16_t>(20'000 + n);
    world.send(kWan, client_tcp(kSyn, {}, port));
    world.send(kLan, server_tcp(kSyn | kAck, {}, port, n % 2 == 0 ? kServer1 : kServer2));
    world.send(kWan, client_tcp(kAck, {}, port));
    world.send(kWan, client_tcp(kRst, {}, port));
  }
  std::size_t asked = 0;
  for (int ticks = 0; ticks < 99; ++ticks) asked += world.advance(kTickMs).size();
  EXPECT_EQ(asked, kMany);
}

TEST(TcpAttackNat, AStandbyAsksNobody) {
  TcpScene t(Mode::kNat, {.peer = true});
  t.spec.timeouts = ConnTimeouts();
  t.apply();
  t.establish();
  t.client_reset();
  t.spec.services[0].standby = true;
  t.apply();
  EXPECT_TRUE(wait_for_probe(t).empty());
  EXPECT_EQ(t.connections(), 0U);
}

}  // namespace
}  // namespace lb::golden
