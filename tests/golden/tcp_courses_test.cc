// TCP connections that have bad luck: what comes late, twice or forged.
#include <gtest/gtest.h>

#include "tests/golden/tcp_scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kRst;
using test::kSyn;

// ---- what ordinary ends send

TEST(TcpCourse, OptionsAreNoPayload) {
  const Bytes timestamps = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
  const Bytes sack = {1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9};
  const Bytes of_syn = {2, 4, 5, 180, 3, 3, 14, 4, 2};  // MSS, window scale, SACK permitted
  TcpScene t(Mode::kNat);
  t.client({.flags = kSyn, .seq = kClientIsn, .options = of_syn});
  t.c = kClientIsn + 1;
  t.s = kServerIsn + 1;
  t.server({.flags = kSyn | kAck, .seq = kServerIsn, .ack = t.c, .options = of_syn});
  t.client({.flags = kAck, .seq = t.c, .ack = t.s, .options = sack});
  ASSERT_EQ(t.state(), "ESTABLISHED");
  t.client({.flags = kFin | kAck, .seq = t.c, .ack = t.s, .size = 100, .options = timestamps});
  t.c += 101;
  t.server({.flags = kFin | kAck, .seq = t.s, .ack = t.c, .size = 50, .options = timestamps});
  t.s += 51;
  EXPECT_EQ(t.state(), "LAST_ACK");
  t.client({.flags = kAck, .seq = t.c, .ack = t.s, .options = sack});
  EXPECT_EQ(t.state(), "CLOSED");
}

// RFC 7413: the request comes with the SYN, the answer before the third segment.
TEST(TcpCourse, DataOnTheSyn) {
  TcpScene t(Mode::kNat);
  t.client({.flags = kSyn, .seq = kClientIsn, .size = 300});
  t.c = kClientIsn + 301;
  t.syn_ack();
  t.server_data(500);
  EXPECT_EQ(t.state(), "SYN_RECV");
  t.client_ack();
  EXPECT_EQ(t.state(), "ESTABLISHED");
  t.server_fin();
  t.client_fin();
  EXPECT_EQ(t.state(), "TIME_WAIT");
}

TEST(TcpCourse, KeepAlivesDoNotHideTheEnd) {
  TcpScene t(Mode::kNat);
  t.establish();
  for (int i = 0; i < 10; ++i) {
    t.advance(30'000);
    t.client({.flags = kAck, .seq = t.c - 1, .ack = t.s, .size = 1});
    t.server_ack();
    t.server({.flags = kAck, .seq = t.s - 1, .ack = t.c});
    t.client_ack();
    ASSERT_EQ(t.state(), "ESTABLISHED");
  }
  t.client_fin();
  t.server_fin();
  t.client_ack();
  EXPECT_EQ(t.state(), "CLOSED");
}

TEST(TcpCourse, ARepeatedFinChangesNothing) {
  TcpScene t(Mode::kNat);
  t.establish();
  t.client_fin();
  t.client({.flags = kFin | kAck, .seq = t.c - 1, .ack = t.s});
  EXPECT_EQ(t.state(), "CLOSE_WAIT");
  // With the last of the data once more.
  t.client({.flags = kFin | kAck, .seq = t.c - 101, .ack = t.s, .size = 100});
  EXPECT_EQ(t.state(), "CLOSE_WAIT");
  t.server_fin();
  EXPECT_EQ(t.state(), "LAST_ACK");
  t.client({.flags = kFin | kAck, .seq = t.c - 1, .ack = t.s_data()});
  EXPECT_EQ(t.state(), "LAST_ACK");
}

// The server repeats its FIN until an acknowledgement of it comes through.
TEST(TcpCourse, TheLastAckIsLost) {
  TcpScene t(Mode::kNat);
  t.spec.timeouts.tcp_last_ack = test::ticks(300);
  t.spec.timeouts.tcp_closed = test::ticks(100);
  t.apply();
  t.establish();
  t.client_fin();
  t.server_data(1'000);
  t.server_fin();
  for (unsigned wait = 1; wait <= 16; wait *= 2) {
    // Of the data before, and on a side road for this reason: older ones, and out of the window.
    t.client({.flags = kAck, .seq = t.c, .ack = t.s - 501});
    t.client({.flags = kAck, .seq = t.c + kFar, .ack = t.s + kFar});
    t.advance(wait * 1'000);
    ASSERT_EQ(t.state(), "LAST_ACK");
    t.server({.flags = kFin | kAck, .seq = t.s - 1, .ack = t.c});
  }
  t.client_ack();
  EXPECT_EQ(t.state(), "CLOSED");
  // The last one twice.
  t.client_ack();
  t.server({.flags = kFin | kAck, .seq = t.s - 1, .ack = t.c});
  EXPECT_EQ(t.state(), "CLOSED");
  t.advance(10'500);
  EXPECT_EQ(t.connections(), 0U);
}

TEST(TcpCourse, BothCloseAtOnce) {
  // Their FINs cross: in either order here, and with either acknowledgement first.
  for (const bool client_first : {true, false}) {
    for (const bool server_acks_first : {true, false}) {
      TcpScene t(Mode::kNat);
      t.establish();
      client_first ? t.client_fin(false) : t.server_fin(false);
      client_first ? t.server_fin(false) : t.client_fin(false);
      ASSERT_EQ(t.state(), "CLOSING");
      server_acks_first ? t.server_ack() : t.client_ack();
      EXPECT_EQ(t.state(), server_acks_first ? "LAST_ACK" : "TIME_WAIT");
      server_acks_first ? t.client_ack() : t.server_ack();
      EXPECT_EQ(t.state(), server_acks_first ? "CLOSED" : "TIME_WAIT");
      // It is over, so the ports may be used again.
      EXPECT_TRUE(goes_to(t.client({.flags = kSyn, .seq = t.c + kFar}), kServer2Mac));
    }
  }
}

TEST(TcpCourse, ClosingLivesAsLongAsLastAck) {
  TcpScene t(Mode::kNat);
  t.spec.timeouts.tcp_last_ack = test::ticks(20);
  t.apply();
  t.establish();
  t.client_fin();
  t.server_fin(false);
  t.advance(1'900);
  EXPECT_EQ(t.state(), "CLOSING");
  t.advance(200);
  EXPECT_EQ(t.connections(), 0U);
}

// ---- the example: a late copy of the client's own SYN

TEST(TcpCourse, ALateSynDoesNotMoveAHalfClosedConnection) {
  for (const Mode mode : {Mode::kNat, Mode::kDr}) {
    for (const bool client_closes : {true, false}) {
      TcpScene t(mode);
      t.establish();
      client_closes ? t.client_fin() : t.server_fin();
      const std::string before = t.state();
      for (const std::uint32_t seq : {kClientIsn, kClientIsn + kFar, kClientIsn - kFar}) {
        EXPECT_TRUE(goes_to(t.client({.flags = kSyn, .seq = seq}), kServer1Mac));
        EXPECT_EQ(t.state(), before);
        t.server_data(1'000);
        EXPECT_TRUE(goes_to(t.client({.flags = kAck, .seq = t.c, .ack = t.s}), kServer1Mac));
        EXPECT_EQ(t.state(), before);
      }
      EXPECT_EQ(t.connections(), 1U);
    }
  }
}

// ---- forged ones

// By a stranger who does not know the numbers.
TEST(TcpCourse, OutOfTheWindowNothingChanges) {
  for (const Mode mode : {Mode::kNat, Mode::kDr}) {
    TcpScene t(mode);
    t.establish();
    for (const int flags : {+kRst, kRst | kAck, kFin | kAck, +kAck}) {
      for (const std::uint32_t off : {kFar, 0U - kFar, 9U << 20, 0U - (9U << 20)}) {
        t.client({static_cast<std::uint8_t>(flags), t.c + off, t.s + off});
        if (mode == Mode::kNat) t.server({static_cast<std::uint8_t>(flags), t.s + off, t.c + off});
        ASSERT_EQ(t.state(), "ESTABLISHED");
      }
    }
    // Nor has it moved what is kept.
    t.advance(30'000);
    t.client_fin();
    EXPECT_EQ(t.state(), mode == Mode::kNat ? "CLOSE_WAIT" : "FIN_WAIT");
  }
}

TEST(TcpCourse, WhoGoesOnAfterAResetLives) {
  // RFC 5961 3.2: the server answers a reset that is not exact with an ACK, and goes on.
  TcpScene challenged(Mode::kNat);
  challenged.establish();
  challenged.client({.flags = kRst, .seq = challenged.c + kNear});
  challenged.server_ack();
  ASSERT_EQ(challenged.state(), "CLOSED") << "it may have been under way";
  challenged.advance(kUnderWayMs);
  challenged.server_ack();
  EXPECT_EQ(challenged.state(), "ESTABLISHED");
  challenged.advance(40'000);
  EXPECT_EQ(challenged.state(), "ESTABLISHED") << "with its whole lifetime";
  // The client is as good as the server, and data as good as an answer.
  challenged.server({.flags = kRst, .seq = challenged.s + kNear});
  ASSERT_EQ(challenged.state(), "CLOSED");
  challenged.advance(kUnderWayMs);
  challenged.client_data(100);
  EXPECT_EQ(challenged.state(), "ESTABLISHED");
  // A real one ends it again.
  challenged.client_reset();
  EXPECT_EQ(challenged.state(), "CLOSED");

  TcpScene dr(Mode::kDr);
  dr.establish();
  dr.client({.flags = kRst, .seq = dr.c + kNear});
  ASSERT_EQ(dr.state(), "CLOSED");
  dr.advance(kUnderWayMs);
  dr.client_data(100);
  EXPECT_EQ(dr.state(), "ESTABLISHED");
}

TEST(TcpCourse, AHalfClosedOneLivesOnHalfClosed) {
  TcpScene download(Mode::kNat);
  const auto reset_server = [&] {
    download.server({.flags = kRst, .seq = download.s + kNear});
    ASSERT_EQ(download.state(), "CLOSED");
    download.advance(kUnderWayMs);
  };
  download.establish();
  download.client_fin();
  reset_server();
  download.client_ack();
  EXPECT_EQ(download.state(), "CLOSE_WAIT");
  reset_server();
  download.server_data(1'000);
  EXPECT_EQ(download.state(), "CLOSE_WAIT");
  download.client({.flags = kRst, .seq = download.c});
  ASSERT_EQ(download.state(), "CLOSED");
  download.advance(kUnderWayMs);
  download.client_ack();
  EXPECT_EQ(download.state(), "CLOSE_WAIT");
  download.server_fin();
  EXPECT_EQ(download.state(), "LAST_ACK");

  TcpScene upload(Mode::kNat);
  const auto reset_client = [&] {
    upload.client({.flags = kRst, .seq = upload.c + kNear});
    ASSERT_EQ(upload.state(), "CLOSED");
    upload.advance(kUnderWayMs);
  };
  upload.establish();
  upload.server_fin();
  reset_client();
  upload.server_ack();
  EXPECT_EQ(upload.state(), "FIN_WAIT");
  reset_client();
  upload.client_data(1'000);
  EXPECT_EQ(upload.state(), "FIN_WAIT");
  upload.client_fin();
  EXPECT_EQ(upload.state(), "TIME_WAIT");
}

TEST(TcpCourse, WhatHasEndedStaysSo) {
  // Refused, and then an ACK of someone who has not seen the server's number.
  TcpScene blind(Mode::kNat);
  blind.syn();
  blind.syn_ack();
  blind.client_reset();
  blind.advance(kUnderWayMs);
  blind.client({.flags = kAck, .seq = blind.c, .ack = blind.s + kFar});
  EXPECT_EQ(blind.state(), "CLOSED");
  // Both had closed.
  TcpScene closed(Mode::kNat);
  closed.establish();
  closed.client_fin();
  closed.server_fin();
  closed.client_reset();
  closed.advance(kUnderWayMs);
  closed.client({.flags = kAck, .seq = closed.c - 1, .ack = closed.s});
  closed.server({.flags = kFin | kAck, .seq = closed.s - 1, .ack = closed.c});
  EXPECT_EQ(closed.state(), "CLOSED");
}

TEST(TcpCourse, StrangersDoNotKeepWhatIsOver) {
  for (const bool by_reset : {true, false}) {
    TcpScene t(Mode::kNat);
    t.spec.timeouts.tcp_closed = test::ticks(100);
    t.spec.timeouts.tcp_time_wait = test::ticks(100);
    t.apply();
    t.establish();
    if (by_reset) {
      t.client_reset();
    } else {
      t.server_fin();
      t.client_fin();
      t.server_ack();
    }
    for (int i = 0; i < 12 && t.connections() != 0; ++i) {
      for (const int flags : {+kRst, kFin | kAck, +kAck}) {
        t.client({static_cast<std::uint8_t>(flags), t.c + kFar, t.s + kFar});
        t.server({static_cast<std::uint8_t>(flags), t.s + kFar, t.c + kFar});
      }
      t.advance(1'000);
    }
    EXPECT_EQ(t.connections(), 0U);
  }
}

// ---- handshakes

TEST(TcpCourse, AClosedPort) {
  TcpScene t(Mode::kNat);
  t.syn();
  t.server({.flags = kRst | kAck, .seq = 0, .ack = t.c + kFar});
  EXPECT_EQ(t.state(), "SYN_SENT");
  t.server({.flags = kRst | kAck, .seq = 0, .ack = t.c});
  EXPECT_EQ(t.state(), "CLOSED");
  // The port opens; the client, to which the reset did not come, repeats its SYN.
  t.syn();
  t.syn_ack();
  EXPECT_EQ(t.state(), "SYN_RECV");
  t.client_ack();
  EXPECT_EQ(t.state(), "ESTABLISHED");
}

TEST(TcpCourse, TheClientBeginsAnewInTheHandshake) {
  for (const bool answered : {true, false}) {
    TcpScene t(Mode::kNat);
    t.syn();
    if (answered) t.syn_ack();
    const std::uint32_t isn = kClientIsn + kFar;
    EXPECT_TRUE(goes_to(t.client({.flags = kSyn, .seq = isn}), kServer1Mac));
    t.s = kServerIsn + kFar;
    t.server({.flags = kSyn | kAck, .seq = t.s, .ack = isn + 1});
    t.client({.flags = kAck, .seq = isn + 1, .ack = t.s + 1});
    EXPECT_EQ(t.state(), "ESTABLISHED");
    t.server({.flags = kFin | kAck, .seq = t.s + 1, .ack = isn + 1});
    EXPECT_EQ(t.state(), "FIN_WAIT");
  }
}

TEST(TcpCourse, ForgedSegmentsInTheHandshake) {
  TcpScene t(Mode::kNat);
  t.syn();
  t.client({.flags = kSyn, .seq = kClientIsn + kFar});
  t.syn_ack();
  t.server({.flags = kSyn | kAck, .seq = kServerIsn + kFar, .ack = t.c + 12'345'678});
  t.client({.flags = kAck, .seq = t.c, .ack = t.s + kFar});
  EXPECT_EQ(t.state(), "SYN_RECV") << "a client that has not seen the server's number";
  t.client_ack();
  EXPECT_EQ(t.state(), "ESTABLISHED");
  t.client_fin();
  EXPECT_EQ(t.state(), "CLOSE_WAIT") << "its own numbers count";
}

// Out of order, or after a late SYN: it counts when it is repeated.
TEST(TcpCourse, AFinBeforeTheServersAnswerIsNoneYet) {
  TcpScene t(Mode::kNat);
  t.syn();
  const Segment fin{.flags = kFin | kAck, .seq = t.c, .ack = kServerIsn + 1};
  t.client(fin);
  t.server({.flags = kFin | kAck, .seq = kServerIsn + 1, .ack = t.c});
  EXPECT_EQ(t.state(), "SYN_SENT");
  t.syn_ack();
  t.client(fin);
  EXPECT_EQ(t.state(), "CLOSE_WAIT");
}

TEST(TcpCourse, AForgedAnswerGivesWayToTheRealOne) {
  TcpScene t(Mode::kNat);
  t.syn();
  t.server({.flags = kSyn | kAck, .seq = kServerIsn + kFar, .ack = t.c + kFar});
  t.syn_ack();
  t.client_ack();
  EXPECT_EQ(t.state(), "ESTABLISHED");
}

}  // namespace
}  // namespace lb::golden
