// TCP connections whose numbers are not what the director has: ends that have forgotten the
// connection, the same ports again, much data, and connections from the HA peer.
#include <gtest/gtest.h>

#include "tests/golden/tcp_scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kRst;
using test::kSyn;

// ---- ends that have forgotten the connection

// The new connection of the client, at the server that has the old one.
void expect_new_connection(TcpScene& t) {
  t.spec.timeouts = ConnTimeouts();
  t.apply();
  t.c += kFar;
  EXPECT_TRUE(goes_to(t.client({.flags = kSyn, .seq = t.c}), kServer1Mac));
  t.s += kFar;
  t.server({.flags = kSyn | kAck, .seq = t.s, .ack = ++t.c});
  ++t.s;
  t.client_ack();
  EXPECT_EQ(t.state(), "ESTABLISHED");
  t.advance(800'000);
  EXPECT_EQ(t.state(), "ESTABLISHED") << "with its whole lifetime";
  t.server({.flags = kFin | kAck, .seq = t.s, .ack = t.c});
  EXPECT_EQ(t.state(), "FIN_WAIT");
}

TEST(TcpReuse, TheServerHasRestarted) {
  TcpScene t(Mode::kNat);
  t.establish();
  t.client_data(100);
  t.server({.flags = kRst, .seq = t.s});
  ASSERT_EQ(t.state(), "CLOSED");
  expect_new_connection(t);
}

TEST(TcpReuse, TheClientHasRestarted) {
  TcpScene t(Mode::kNat);
  t.establish();
  // RFC 9293 3.5.1: the server answers with its own numbers, and that is reset.
  EXPECT_TRUE(goes_to(t.client({.flags = kSyn, .seq = kClientIsn + kFar}), kServer1Mac));
  t.server_ack();
  EXPECT_EQ(t.state(), "ESTABLISHED");
  t.client({.flags = kRst, .seq = t.c});
  ASSERT_EQ(t.state(), "CLOSED");
  expect_new_connection(t);
}

// Its numbers are a little beyond the old ones: RFC 6528 lets both ends count on by a clock.
TEST(TcpReuse, TheSamePortsAtOnceAfterAReset) {
  constexpr std::uint32_t kLittle = 300'000;
  TcpScene t(Mode::kNat);
  t.spec.timeouts = ConnTimeouts();
  t.apply();
  t.establish();
  t.client_reset();
  t.c += kLittle;
  t.s += kLittle;
  EXPECT_TRUE(goes_to(t.client({.flags = kSyn, .seq = t.c}), kServer1Mac));
  t.server({.flags = kSyn | kAck, .seq = t.s, .ack = ++t.c});
  EXPECT_EQ(t.state(), "SYN_RECV");
  ++t.s;
  t.client_ack();
  EXPECT_EQ(t.state(), "ESTABLISHED");
  EXPECT_EQ(t.rs_counter(t.rs_slot("10.0.0.11:80"), &RealServerCounters::connections), 2U);
}

// A server that has forgotten the connection without a word.
TEST(TcpReuse, TheServerAcceptsASynOnALivingOne) {
  TcpScene t(Mode::kNat);
  t.establish();
  expect_new_connection(t);
}

TEST(TcpReuse, TheServerAcceptsASynOnAHalfClosedOne) {
  for (const bool client_closes : {true, false}) {
    TcpScene t(Mode::kNat);
    t.establish();
    client_closes ? t.client_fin() : t.server_fin();
    expect_new_connection(t);
  }
}

TEST(TcpReuse, ALateCopyOfTheAnswerIsNone) {
  for (const bool client_closes : {true, false}) {
    TcpScene t(Mode::kNat);
    t.establish();
    const Segment answer{.flags = kSyn | kAck, .seq = kServerIsn, .ack = kClientIsn + 1};
    t.server(answer);
    EXPECT_EQ(t.state(), "ESTABLISHED");
    client_closes ? t.client_fin() : t.server_fin();
    const std::string before = t.state();
    t.server(answer);
    EXPECT_EQ(t.state(), before);
  }
}

// ---- the same ports again

// A SYN that is not beyond may be a late copy: the server knows (RFC 6191).
TEST(TcpReuse, TheServerAcceptsASynThatIsNotBeyond) {
  for (const std::uint32_t off : {2'000U, 0U - kFar}) {
    TcpScene t(Mode::kNat);
    t.spec.timeouts.tcp_time_wait = test::ticks(100);
    t.apply();
    t.establish();
    t.server_fin();
    t.client_fin();
    t.server_ack();
    t.c += off;
    EXPECT_TRUE(goes_to(t.client({.flags = kSyn, .seq = t.c}), kServer1Mac));
    EXPECT_EQ(t.state(), "TIME_WAIT");
    t.s = kServerIsn + kFar;
    t.server({.flags = kSyn | kAck, .seq = t.s, .ack = ++t.c});
    EXPECT_EQ(t.state(), "SYN_RECV");
    ++t.s;
    t.client_ack();
    EXPECT_EQ(t.state(), "ESTABLISHED");
    t.advance(30'000);
    EXPECT_EQ(t.state(), "ESTABLISHED");
    t.client({.flags = kFin | kAck, .seq = t.c, .ack = t.s});
    EXPECT_EQ(t.state(), "CLOSE_WAIT");
  }
}

TEST(TcpReuse, NoTakeoverBeforeTheServerHasTheClientsFin) {
  TcpScene t(Mode::kNat);
  t.establish();
  t.server_fin();
  t.client_fin();
  ASSERT_EQ(t.state(), "TIME_WAIT");
  const Segment syn{.flags = kSyn, .seq = t.c + kFar};
  EXPECT_TRUE(goes_to(t.client(syn), kServer1Mac));
  t.server_ack();
  EXPECT_TRUE(goes_to(t.client(syn), kServer2Mac));
}

TEST(TcpReuse, InDrModeTheFirstSegmentAfterTheSynProvesIt) {
  for (const std::uint32_t off : {kFar, 0U - kFar}) {
    TcpScene t(Mode::kDr);
    t.establish();
    t.client_fin();
    t.c += off;
    EXPECT_TRUE(goes_to(t.client({.flags = kSyn, .seq = t.c}), kServer1Mac));
    EXPECT_EQ(t.state(), "FIN_WAIT");
    ++t.c;
    t.client({.flags = kAck, .seq = t.c + 1, .ack = t.s});
    EXPECT_EQ(t.state(), "FIN_WAIT");
    t.client_ack();
    EXPECT_EQ(t.state(), "ESTABLISHED");
    t.client({.flags = kFin | kAck, .seq = t.c, .ack = t.s});
    EXPECT_EQ(t.state(), "FIN_WAIT");
  }
}

TEST(TcpReuse, InDrModeAFinMayBeThatFirstSegment) {
  TcpScene t(Mode::kDr);
  t.establish();
  t.client_reset();
  t.c += kFar;
  t.client({.flags = kSyn, .seq = t.c});
  ++t.c;
  t.client_fin();
  EXPECT_EQ(t.state(), "FIN_WAIT");
  t.client({.flags = kRst, .seq = t.c - kFar});
  EXPECT_EQ(t.state(), "FIN_WAIT") << "a number of the old one";
  t.client_reset();
  EXPECT_EQ(t.state(), "CLOSED");
}

// ---- numbers

// 64 MB, across the end of the numbers.
TEST(TcpReuse, TheWindowFollowsTheData) {
  constexpr std::size_t kSize = 32'768;
  TcpScene t(Mode::kNat);
  for (PortInfo& port : t.ports) port.mtu = 65'535;
  t.apply();
  t.establish();
  t.c = 0U - (32U << 20);
  t.client({.flags = kAck, .seq = t.c, .ack = t.s});  // out of the window
  t.client({.flags = kRst, .seq = t.c});
  ASSERT_EQ(t.state(), "ESTABLISHED");
  constexpr std::uint32_t kStep = 4U << 20;
  for (std::uint32_t left = t.c - kClientIsn; left > kStep; left -= kStep) {
    t.client({.flags = kAck, .seq = t.c - left, .ack = t.s});
  }
  const std::uint32_t began = t.c;
  for (unsigned i = 0; i < 2'048; ++i) t.client_data(kSize);
  for (const std::uint32_t old : {kClientIsn, began, t.c - (9U << 20), t.c + (9U << 20)}) {
    t.client({.flags = kRst, .seq = old});
    EXPECT_EQ(t.state(), "ESTABLISHED");
  }
  // A stale segment does not lead it back.
  for (std::uint32_t back = 0; back <= (20U << 20); back += 4U << 20) {
    t.client({.flags = kAck, .seq = t.c - back, .ack = t.s});
  }
  t.client({.flags = kRst, .seq = t.c - (20U << 20)});
  EXPECT_EQ(t.state(), "ESTABLISHED");
  t.server_ack();
  t.client_reset();
  EXPECT_EQ(t.state(), "CLOSED");
}

// More than a window of data, in one direction, that the director has not seen.
TEST(TcpReuse, LostNumbersAreFoundAgain) {
  constexpr std::uint32_t kLost = 100U << 20;
  for (const bool upload : {true, false}) {
    TcpScene t(Mode::kNat);
    t.establish();
    (upload ? t.c : t.s) += kLost;
    for (int i = 0; i < 2; ++i) {
      t.client({.flags = kAck, .seq = t.c, .ack = t.s, .size = 10});
      t.c += 10;
      t.server_data(10);
    }
    t.client({.flags = kRst, .seq = upload ? t.c - kLost : t.c + kLost});
    EXPECT_EQ(t.state(), "ESTABLISHED");
    t.client_fin();
    EXPECT_EQ(t.state(), "CLOSE_WAIT");
    t.server_fin();
    EXPECT_EQ(t.state(), "LAST_ACK");
  }
}

TEST(TcpReuse, BlindSegmentsDoNotLeadTheNumbersAway) {
  constexpr std::uint32_t kStep = 8U << 20;
  TcpScene t(Mode::kNat);
  t.establish();
  for (unsigned i = 1; i < 512; ++i) {
    t.client({.flags = kAck, .seq = t.c + i * kStep, .ack = t.s + (1U << 30)});
  }
  t.client({.flags = kRst, .seq = t.c + 511 * kStep - (4U << 20)});
  EXPECT_EQ(t.state(), "ESTABLISHED");
  t.client_reset();
  EXPECT_EQ(t.state(), "CLOSED");
}

// ---- from the peer

class TcpOfPeer : public testing::Test {
 protected:
  // The connection as the other director has it now, in a state of its own.
  void take_over(TcpScene& other) {
    here.establish();
    other.receive(here_entries());
    other.c = here.c;
    other.s = here.s;
  }
  std::vector<SyncEntry> here_entries() { return here.exported(); }

  TcpScene here{Mode::kNat, {.peer = true}};
  void SetUp() override { here.join(); }
};

TEST_F(TcpOfPeer, UnknownProvesNothing) {
  TcpScene there(Mode::kNat, {.peer = true});
  take_over(there);
  ASSERT_EQ(there.state(), "ESTABLISHED");
  there.client_reset();
  there.server_reset();
  there.client({.flags = kFin | kAck, .seq = there.c, .ack = there.s});
  EXPECT_EQ(there.state(), "ESTABLISHED");
  there.client({.flags = kAck, .seq = there.c + kFar, .ack = there.s + kFar});
  there.client({.flags = kRst, .seq = there.c + kFar});
  EXPECT_EQ(there.state(), "ESTABLISHED") << "what a client says of itself proves nothing";
  there.server_reset();
  EXPECT_EQ(there.state(), "ESTABLISHED") << "nor is the server's side known yet";
  there.server_ack();
  there.server_fin();
  EXPECT_EQ(there.state(), "FIN_WAIT");
  there.client_fin();
  EXPECT_EQ(there.state(), "TIME_WAIT");
}

TEST_F(TcpOfPeer, AnUpdateMakesItUnknownAgain) {
  TcpScene there(Mode::kNat, {.peer = true});
  there.spec.services[0].standby = true;
  there.apply();
  take_over(there);
  there.server_ack();
  here.client_fin();
  there.receive(here.exported());
  ASSERT_EQ(there.state(), "CLOSE_WAIT");
  there.client_reset();
  EXPECT_EQ(there.state(), "CLOSE_WAIT");
}

// In DR mode; also by a director that becomes master only when half the lifetime is over.
TEST(TcpOfPeerDr, OneThatAResetHasEndedIsAskedAbout) {
  for (const int standby_ticks : {0, 70}) {
    TcpScene here(Mode::kDr, {.peer = true});
    here.join();
    here.establish();
    here.client_reset();
    TcpScene there(Mode::kDr, {.peer = true});
    there.spec.timeouts = ConnTimeouts();
    there.spec.services[0].standby = true;
    there.apply();
    there.receive(here.exported());
    ASSERT_EQ(there.state(), "CLOSED");
    for (int ticks = 0; ticks < standby_ticks; ++ticks) {
      EXPECT_TRUE(there.advance(kTickMs).empty());
    }
    there.spec.services[0].standby = false;
    there.apply();
    std::size_t asked = 0;
    for (int ticks = standby_ticks; ticks < 90; ++ticks) asked += there.advance(kTickMs).size();
    EXPECT_EQ(asked, 1U);
    there.client({.flags = kAck, .seq = here.c, .ack = here.s});
    EXPECT_EQ(there.state(), "ESTABLISHED");
  }
}

TEST_F(TcpOfPeer, ASynOnWhatIsOverGoesToItsServer) {
  here.establish();
  here.client_fin();
  here.server_fin();
  TcpScene there(Mode::kNat, {.peer = true});
  there.receive(here.exported());
  ASSERT_EQ(there.state(), "LAST_ACK");
  there.c = here.c + kFar;
  there.s = here.s + kFar;
  EXPECT_TRUE(goes_to(there.client({.flags = kSyn, .seq = there.c}), kServer1Mac));
  EXPECT_EQ(there.state(), "LAST_ACK");
  there.server({.flags = kSyn | kAck, .seq = there.s, .ack = ++there.c});
  EXPECT_EQ(there.state(), "SYN_RECV");
  ++there.s;
  there.client_ack();
  EXPECT_EQ(there.state(), "ESTABLISHED");
}

TEST_F(TcpOfPeer, HearsAtOnceOfOneThatGoesOn) {
  TcpScene there(Mode::kNat, {.peer = true});
  there.spec.services[0].standby = true;
  there.apply();
  take_over(there);
  here.client({.flags = kRst, .seq = here.c + kNear});
  there.receive(here.exported());
  ASSERT_EQ(there.state(), "CLOSED");
  here.advance(kUnderWayMs);
  here.server_ack();
  there.receive(here.exported());
  EXPECT_EQ(there.state(), "ESTABLISHED");
}

}  // namespace
}  // namespace lb::golden
