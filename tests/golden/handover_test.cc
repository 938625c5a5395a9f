// Handshakes during which the addresses move from one director to the other.
#include <gtest/gtest.h>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kSyn;
using test::pattern;

constexpr std::uint16_t kPort = 40'000;

class HandoverDirector : public Scene {
 public:
  HandoverDirector(Mode mode, bool master) : Scene(mode, kProtoTcp, {.peer = true}) {
    set_master(master);
  }
  void set_master(bool master) {
    spec.services[0].standby = !master;
    apply();
  }
  Output client(std::uint8_t flags, const Bytes& payload = {}) {
    return send(kWan, client_tcp(flags, payload, kPort));
  }
};

struct Handover {
  explicit Handover(Mode mode) : from(mode, true), to(mode, false) {
    from.join();
    to.join();
    to.receive(from.exported());
    from.receive(to.exported());
  }
  // Packets that were under way may still come to `from`.
  void move() {
    from.set_master(false);
    to.set_master(true);
  }
  HandoverDirector from, to;
};

bool goes_to(const Output& out, const test::Mac& mac) {
  return out.verdict == Verdict::kForward && std::equal(mac.begin(), mac.end(), out.frame.begin());
}

TEST(Handover, NewMasterContinuesAHandshake) {
  for (const Mode mode : {Mode::kNat, Mode::kDr}) {
    Handover pair(mode);
    ASSERT_TRUE(goes_to(pair.from.client(kSyn), kServer1Mac));
    pair.move();
    // Before the update: not answered with a reset, so that the client sends it again.
    const Output early = pair.to.client(kAck);
    EXPECT_EQ(early.verdict, Verdict::kDrop);
    EXPECT_EQ(early.reason, DropReason::taking_over);
    pair.to.receive(pair.from.exported());
    EXPECT_TRUE(goes_to(pair.to.client(kAck, pattern(5)), kServer1Mac));
  }
}

// In NAT mode the server's answer passed the old master.
TEST(Handover, HalfAHandshakeThere) {
  Handover pair(Mode::kNat);
  pair.from.client(kSyn);
  pair.move();
  pair.to.receive(pair.from.exported());
  pair.from.send(kLan, server_tcp(kSyn | kAck, {}, kPort));
  pair.from.client(kAck);
  pair.to.receive(pair.from.exported());
  EXPECT_TRUE(goes_to(pair.to.client(kAck, pattern(5)), kServer1Mac));
  // Established also for the new master: half-open ones live for so long only.
  pair.to.spec.timeouts.tcp_syn_sent = test::ticks(50);
  pair.to.spec.timeouts.tcp_syn_received = test::ticks(50);
  pair.to.apply();
  pair.to.advance(10'000);
  EXPECT_EQ(pair.to.connections(), 1u);
}

// In DR mode the client connects, waits, and sends after the addresses have moved.
TEST(Handover, AHandshakeAndNothingElse) {
  Handover pair(Mode::kDr);
  ASSERT_TRUE(goes_to(pair.from.client(kSyn), kServer1Mac));
  pair.from.client(kAck);
  pair.to.receive(pair.from.exported());
  pair.move();
  ASSERT_EQ(pair.to.connections(), 1u);
  EXPECT_TRUE(goes_to(pair.to.client(kAck, pattern(5)), kServer1Mac));
  // No longer half-open.
  pair.to.spec.timeouts.tcp_syn_received = test::ticks(50);
  pair.to.apply();
  pair.to.advance(10'000);
  EXPECT_EQ(pair.to.connections(), 1u);
}

// The client's ports were those of a connection that is over, which the new master knows too. What
// it sends goes to the old one's server, until the update has arrived.
TEST(Handover, TheSamePortsAgain) {
  Handover pair(Mode::kNat);
  pair.from.client(kSyn);
  pair.from.send(kLan, server_tcp(kSyn | kAck, {}, kPort));
  pair.from.client(kAck);
  pair.from.client(kFin | kAck);
  pair.from.send(kLan, server_tcp(kFin | kAck, {}, kPort));
  pair.from.client(kAck);
  pair.to.receive(pair.from.exported());
  pair.move();
  ASSERT_TRUE(goes_to(pair.from.send(kWan, client_next_syn(kPort)), kServer2Mac));
  pair.to.advance(200);
  pair.from.advance(200);
  EXPECT_TRUE(goes_to(pair.to.client(kAck, pattern(5)), kServer1Mac));
  pair.to.receive(pair.from.exported());
  EXPECT_TRUE(goes_to(pair.to.client(kAck, pattern(5)), kServer2Mac));
}

TEST(Handover, AMasterOfSomeTimeLeavesUnknownSegmentsToTheKernel) {
  Handover pair(Mode::kNat);
  pair.move();
  EXPECT_EQ(pair.to.client(kAck).verdict, Verdict::kDrop);
  EXPECT_EQ(pair.from.client(kAck).verdict, Verdict::kDrop) << "standby";
  pair.to.advance(2'000);
  pair.from.advance(2'000);
  EXPECT_EQ(pair.to.client(kAck).verdict, Verdict::kPunt) << "which answers with a reset";
  EXPECT_EQ(pair.from.client(kAck).reason, DropReason::taking_over);
}

}  // namespace
}  // namespace lb::golden
