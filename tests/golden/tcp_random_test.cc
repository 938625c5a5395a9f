// What passes a director is compared with the state that it keeps (tcp_flow.h): a living connection is
// never ended, never moved to another server and never taken for a closed one; strangers change
// nothing.
#include <gtest/gtest.h>

#include <string>

#include "config/base/testing/randomised.h"
#include "tests/golden/tcp_flow.h"

namespace lb::golden {

using test::kAck;
using test::kFin;
using test::kRst;
using test::kSyn;
using State = ConnState;

constexpr std::uint32_t kUnderWayTicks = 10;

void Flow::begin(const Sent& sent, const Row& after) {
  const EndSegment& segment = sent.segment;
  std::uint32_t isn = segment.seq - 1;  // the first after the SYN
  if (segment.has(kSyn)) isn = segment.has(kAck) ? segment.ack - 1 : segment.seq;
  truth_ = {.life = sent.life, .server = after.server, .isn = isn};
}

void Flow::reset() {
  truth_.reset = true;
  truth_.reset_early |= client_.state() == TcpEnd::State::kSynSent;
}

void Flow::follow(bool from_client, const Sent& sent, const Row& before, const Row& after) {
  const EndSegment& segment = sent.segment;
  if (segment.has(kRst)) {
    if (after.state == State::kClosed) {
      reset();
      ++life_.resets;
    }
  } else if (from_client) {
    follow_client(sent, before, after);
  } else {
    follow_server(sent, before, after);
  }
  if (after.state == State::kClosed && before.state != State::kClosed) ++life_.closes;
  // What is left of a handshake before may end that of the client's next try.
  if (sent.life < truth_.life && after.state != before.state) truth_.began_anew = true;
  if (sent.life == truth_.life) check(after);
}

void Flow::follow_client(const Sent& sent, const Row& before, const Row& after) {
  const EndSegment& segment = sent.segment;
  if (segment.has(kSyn)) {
    const bool is_new = after.state == State::kSynSent && before.state != State::kSynSent;
    const bool anew = life_.mode == Mode::kNat && is_half_open(after.state);
    if (is_new || (anew && sent.life > truth_.life)) {
      begin(sent, after);
      // A late copy, after the director had forgotten the connection.
      truth_.began_anew = client_.state() != TcpEnd::State::kSynSent;
      return;
    }
    return;
  }
  // The first after a SYN that the server of a connection before accepted.
  // Or any, after a reset.
  const bool goes_on = before.state == State::kClosed && after.state == State::kEstablished;
  if (life_.mode == Mode::kDr && sent.life > truth_.life && segment.has(kAck) &&
      (segment.seq == client_isn_ + 1 || goes_on)) {
    expect(after.state == State::kEstablished || after.state == State::kFinWait,
           "the first segment of a new one", after.state);
    ++life_.reused;
    begin(sent, after);
  }
  if (sent.life != truth_.life || !segment.has(kAck)) return;
  const bool was_reset = truth_.reset && before.state == State::kClosed &&
                         life_.world.now() - before.last_seen >= kUnderWayTicks;
  if (was_reset && truth_.established && !truth_.began_anew && !truth_.client_fin &&
      !truth_.server_fin) {
    expect(after.state != State::kClosed, "goes on after a reset", after.state);
    ++life_.revivals;
  }
  if (life_.mode == Mode::kDr) {
    // A late SYN and a late answer to it look like a new one.
    truth_.began_anew |= before.state == State::kFinWait && after.state == State::kEstablished;
    truth_.established = true;
  } else if (truth_.answer) {
    // Not if the server has forgotten that and answered anew.
    truth_.established |= segment.ack - *truth_.answer < kNumbers;
  }
  if (truth_.server_fin == segment.ack) truth_.acked_by_client = true;
  if (segment.has(kFin) && truth_.established) truth_.client_fin = segment.end();
}

void Flow::follow_server(const Sent& sent, const Row& before, const Row& after) {
  const EndSegment& segment = sent.segment;
  if (segment.has(kSyn)) {
    const bool was_one = before.state == State::kEstablished || before.state == State::kFinWait ||
                         before.state == State::kCloseWait;
    const bool is_another =
        was_one || (after.state == State::kSynReceived && !is_half_open(before.state));
    if (is_another && sent.life > truth_.life) {
      ++life_.reused;
      begin(sent, after);
      truth_.established = was_one;
      truth_.answer = segment.end();
    } else if (is_another && truth_.answer != segment.end()) {
      truth_.began_anew = true;
    }
    if (sent.life == truth_.life && segment.ack == truth_.isn + 1) {
      // A server that has forgotten it, and got a late SYN.
      if (truth_.established && truth_.answer != segment.end()) truth_.began_anew = true;
      if (!truth_.established) truth_.answer = segment.end();
    }
    return;
  }
  if (sent.life != truth_.life || !segment.has(kAck)) return;
  // Likewise: the numbers of its next try.
  if (truth_.answer && segment.seq - *truth_.answer >= kNumbers) {
    if (truth_.established) truth_.began_anew = true;
    return;
  }
  if (truth_.client_fin == segment.ack) truth_.acked_by_server = true;
  if (segment.has(kFin)) truth_.server_fin = segment.end();
}

void Flow::expect(bool good, const std::string& what, State state) {
  if (good || !life_.wrong.empty()) return;
  life_.wrong = "port " + std::to_string(port_) + ", life " + std::to_string(truth_.life) + ", " +
                std::string(to_string(state)) + ": " + what;
}

// The state that follows from what came by.
void Flow::check(const Row& now) {
  if (truth_.reset || truth_.began_anew || now.state == State::kNone) return;
  const bool client_closed = truth_.client_fin.has_value();
  const bool server_closed = truth_.server_fin.has_value();
  State expected = State::kSynSent;
  if (life_.mode == Mode::kDr) {
    if (truth_.established) expected = client_closed ? State::kFinWait : State::kEstablished;
  } else if (!truth_.answer) {
    return expect(is_half_open(now.state), "not answered yet", now.state);
  } else if (client_closed && server_closed) {
    return check_both_closed(now.state);
  } else if (client_closed || server_closed) {
    expected = client_closed ? State::kCloseWait : State::kFinWait;
  } else {
    expected = truth_.established ? State::kEstablished : State::kSynReceived;
  }
  expect(now.state == expected, "it is " + std::string(to_string(expected)), now.state);
}

void Flow::check_both_closed(State state) {
  switch (state) {
    case State::kClosing:
      return;
    case State::kLastAck:
      return expect(truth_.acked_by_server, "the client's FIN is not acknowledged", state);
    case State::kTimeWait:
      return expect(truth_.acked_by_client, "the server's FIN is not acknowledged", state);
    case State::kClosed:
      return expect(truth_.acked_by_client && truth_.acked_by_server, "not acknowledged", state);
    default:
      expect(false, "both have closed", state);
  }
}

namespace {

constexpr unsigned kSteps = 20'000;

class TcpRandom : public testing::TestWithParam<Mode> {};

TEST_P(TcpRandom, TheStateIsThatOfTheEnds) {
  const std::uint32_t seed = test::seed();
  unsigned closes = 0, resets = 0, revivals = 0, reused = 0, strangers = 0, asked = 0;
  for (std::uint32_t n = 0; n < test::rounds(20); ++n) {
    Life life(GetParam(), seed + n);
    for (unsigned step = 0; step < kSteps && life.wrong.empty(); ++step) life.step();
    ASSERT_EQ(life.wrong, "") << "LB_SEED=" << seed + n << " begins with it";
    ASSERT_EQ(life.settle(), "") << "LB_SEED=" << seed + n << " begins with it";
    closes += life.closes;
    resets += life.resets;
    revivals += life.revivals;
    reused += life.reused;
    strangers += life.strangers;
    asked += life.asked;
  }
  EXPECT_GT(closes, 0U);
  EXPECT_GT(resets, 0U);
  EXPECT_GT(revivals, 0U);
  EXPECT_GT(reused, 0U) << "on the same server";
  EXPECT_GT(strangers, 0U);
  EXPECT_GT(asked, 0U);
}

INSTANTIATE_TEST_SUITE_P(Modes, TcpRandom, testing::Values(Mode::kNat, Mode::kDr),
                         [](const auto& mode) { return mode.param == Mode::kNat ? "Nat" : "Dr"; });

}  // namespace
}  // namespace lb::golden
