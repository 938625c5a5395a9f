// Handshakes that fail, as evidence against a real server: what counts, once, and what does not.
#include <gtest/gtest.h>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kRst;
using test::kSyn;

constexpr std::uint32_t kSynSentMs = 60'000;  // of the scene

class Handshakes : public Scene {
 public:
  explicit Handshakes(Mode mode, unsigned workers = 1)
      : Scene(mode, kProtoTcp, {.workers = workers}) {}
  std::uint64_t unanswered() { return handshakes(slot(), &HandshakeCounters::syn_unanswered); }
  std::uint64_t refused() { return handshakes(slot(), &HandshakeCounters::syn_refused); }

  // Nothing is counted elsewhere, and the sum says so.
  void expect(std::uint64_t want_unanswered, std::uint64_t want_refused) {
    EXPECT_EQ(unanswered(), want_unanswered);
    EXPECT_EQ(refused(), want_refused);
    EXPECT_EQ(counter(&WorkerCounters::failed_handshakes), want_unanswered + want_refused);
  }

 private:
  std::uint32_t slot() { return rs_slot("10.0.0.11:80"); }
};

TEST(Handshake, EachSynWithoutAnswerCountsOnce) {
  for (const Mode mode : {Mode::kNat, Mode::kDr}) {
    Handshakes world(mode);
    world.send(kWan, client_tcp(kSyn));
    world.expect(0, 0);
    world.send(kWan, client_tcp(kSyn));
    world.expect(1, 0);
    world.send(kWan, client_tcp(kSyn));
    world.expect(2, 0);
    world.advance(kSynSentMs + 200);
    EXPECT_EQ(world.connections(), 0U);
    world.expect(3, 0);
  }
}

TEST(Handshake, DoesNotBlameAServerThatAnswered) {
  Handshakes world(Mode::kNat);
  world.send(kWan, client_tcp(kSyn));
  world.send(kLan, server_tcp(kSyn | kAck));
  world.send(kWan, client_tcp(kSyn));  // the answer was lost on the way to the client
  world.advance(60'000);               // or the client's address was forged
  EXPECT_EQ(world.connections(), 0U);
  world.expect(0, 0);
}

TEST(Handshake, InDrModeTheClientsAckIsTheAnswer) {
  Handshakes world(Mode::kDr);
  world.send(kWan, client_tcp(kSyn));
  world.send(kWan, client_tcp(kAck));
  world.send(kWan, client_tcp(kSyn));
  world.advance(kSynSentMs + 200);
  world.expect(0, 0);
}

TEST(Handshake, AResetByTheServerRefuses) {
  Handshakes world(Mode::kNat);
  world.send(kWan, client_tcp(kSyn));
  EXPECT_EQ(world.send(kLan, server_tcp(kRst | kAck)).verdict, Verdict::kForward);
  world.expect(0, 1);
  world.send(kLan, server_tcp(kRst | kAck));
  world.expect(0, 1);
  world.advance(60'000);
  world.expect(0, 1);
}

TEST(Handshake, AResetAfterTheServersAnswerRefuses) {
  Handshakes world(Mode::kNat, 2);
  world.send(kWan, client_tcp(kSyn), 0);
  world.send(kLan, server_tcp(kSyn | kAck), 1);
  world.send(kLan, server_tcp(kRst), 1);
  world.expect(0, 1);
}

TEST(Handshake, OtherResetsDoNot) {
  Handshakes gone(Mode::kNat);
  gone.send(kWan, client_tcp(kSyn));
  gone.send(kWan, client_tcp(kRst));  // the client thought better of it
  gone.expect(0, 0);

  Handshakes later(Mode::kNat);
  later.send(kWan, client_tcp(kSyn));
  later.send(kLan, server_tcp(kSyn | kAck));
  later.send(kWan, client_tcp(kAck));
  later.send(kLan, server_tcp(kRst));
  later.expect(0, 0);
}

}  // namespace
}  // namespace lb::golden
