// on_server_down: connections whose real server went down or was removed.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kRst;
using test::kSyn;
using test::pattern;

void connect_client(Scene& world) {
  world.send(kWan, client_tcp(kSyn));
  world.send(kLan, server_tcp(kSyn | kAck));
  world.send(kWan, client_tcp(kAck));
}

void fail_first_server(Scene& world) {
  world.rs(0).up = false;
  world.apply();
}

Be32 destination(const Bytes& frame) {
  Be32 address;
  std::memcpy(&address.raw, frame.data() + 30, sizeof address.raw);
  return address;
}

TEST(ServerDown, ASorryServerMayHaveAModeOfItsOwn) {
  Scene world(Mode::kNat);
  connect_client(world);
  world.rs(0).up = false;
  world.rs(0).keep_connections = true;
  world.rs(1).mode = Mode::kDr;
  world.apply();
  const Output direct = world.send(kWan, client_tcp(kSyn, {}, 40'001));
  ASSERT_EQ(direct.verdict, Verdict::kForward);
  EXPECT_EQ(direct.frame[5], kServer2Mac[5]);
  EXPECT_EQ(destination(direct.frame), kVip);
  const Output rewritten = world.send(kWan, client_tcp(kAck, pattern(5)));
  ASSERT_EQ(rewritten.verdict, Verdict::kForward);
  EXPECT_EQ(destination(rewritten.frame), kServer1) << "as it was opened";
}

TEST(ServerDown, SendingClientIsReset) {
  Scene world(Mode::kNat);
  connect_client(world);
  fail_first_server(world);
  const Output out = world.send(kWan, client_tcp(kAck, pattern(5)));
  ASSERT_EQ(out.verdict, Verdict::kAnswer);
  EXPECT_EQ(out.egress, kWan);
  EXPECT_EQ(test::verify(out.frame), "");
  // A segment with ACK is reset from its own acknowledgement number (RFC 9293 3.10.7.1).
  const Bytes expected =
      test::tcp_frame({.dst = kRouterMac, .src = kWanMac}, {.src = kVip, .dst = kClient},
                      {.sport = 80, .dport = 40'000, .seq = 201, .flags = kRst});
  EXPECT_EQ(Bytes(out.frame.begin(), out.frame.begin() + 12),
            Bytes(expected.begin(), expected.begin() + 12));
  EXPECT_EQ(Bytes(out.frame.begin() + 34, out.frame.begin() + 42),
            Bytes(expected.begin() + 34, expected.begin() + 42));
  EXPECT_EQ(out.frame[47], kRst);
  EXPECT_EQ(world.dropped(DropReason::real_server_down), 1u);
  EXPECT_EQ(world.connections(), 0u);
  EXPECT_EQ(world.active(world.rs_slot("10.0.0.11:80")), 0);
}

TEST(ServerDown, WaitingClientIsProbedAndThenReset) {
  Scene world(Mode::kNat);
  connect_client(world);
  fail_first_server(world);
  const auto probes = world.advance(100);
  ASSERT_EQ(probes.size(), 1u);
  EXPECT_EQ(probes[0].tuple,
            (FlowTuple{kVip, kClient, Be16::from_host(80), Be16::from_host(40'000)}));
  EXPECT_EQ(probes[0].hop, ClientHop::make(kRouterMac.data(), 0, kWan));
  EXPECT_EQ(world.send(kWan, client_tcp(kAck)).verdict, Verdict::kAnswer);
  EXPECT_TRUE(world.advance(100).empty()) << "walked once";
}

TEST(ServerDown, HalfOpenIsScheduledAnew) {
  Scene world(Mode::kNat);
  world.send(kWan, client_tcp(kSyn));
  fail_first_server(world);
  const Output out = world.send(kWan, client_tcp(kSyn));
  ASSERT_EQ(out.verdict, Verdict::kForward);
  EXPECT_TRUE(std::equal(kServer2Mac.begin(), kServer2Mac.end(), out.frame.begin()));
  EXPECT_EQ(world.connections(), 1u);
}

TEST(ServerDown, WalkEndsHalfOpenConnections) {
  Scene world(Mode::kNat);
  world.send(kWan, client_tcp(kSyn));
  fail_first_server(world);
  EXPECT_TRUE(world.advance(100).empty());
  EXPECT_EQ(world.connections(), 0u);
}

TEST(ServerDown, UdpMovesToAnotherServer) {
  Scene world(Mode::kNat, kProtoUdp);
  const Bytes datagram =
      test::udp_frame(from_router(), client_to_vip(), {.dport = 80, .payload = pattern(9)});
  world.send(kWan, datagram);
  fail_first_server(world);
  const Output out = world.send(kWan, datagram);
  ASSERT_EQ(out.verdict, Verdict::kForward);
  EXPECT_TRUE(std::equal(kServer2Mac.begin(), kServer2Mac.end(), out.frame.begin()));
  EXPECT_EQ(world.connections(), 1u);
}

TEST(ServerDown, KeepForwardsOnToTheOldServer) {
  Scene world(Mode::kNat);
  world.spec.services[0].on_server_down = OnServerDown::kKeep;
  world.apply();
  connect_client(world);
  fail_first_server(world);
  EXPECT_EQ(world.send(kWan, client_tcp(kAck, pattern(5))).verdict, Verdict::kForward);
  EXPECT_EQ(world.send(kLan, server_tcp(kAck, pattern(5))).verdict, Verdict::kForward);
  world.spec.services[0].real_servers.erase(world.spec.services[0].real_servers.begin());
  world.apply();
  EXPECT_EQ(world.send(kWan, client_tcp(kAck, pattern(5))).verdict, Verdict::kForward)
      << "removed, kept as well";
}

TEST(ServerDown, RemovedServerIsLikeADeadOne) {
  Scene world(Mode::kNat);
  connect_client(world);
  world.spec.services[0].real_servers.erase(world.spec.services[0].real_servers.begin());
  world.apply();
  EXPECT_EQ(world.send(kWan, client_tcp(kAck)).verdict, Verdict::kAnswer);
}

TEST(ServerDown, RemovedServiceIsLikeDeadServers) {
  Scene world(Mode::kNat);
  connect_client(world);
  world.spec.services.clear();
  world.apply();
  EXPECT_EQ(world.send(kWan, client_tcp(kAck)).verdict, Verdict::kAnswer);
  EXPECT_EQ(world.send(kWan, client_tcp(kSyn)).verdict, Verdict::kPunt);
}

TEST(ServerDown, AServerThatSpeaksAllTheSameIsResetAndTheClientStillProbed) {
  Scene world(Mode::kNat);
  connect_client(world);
  fail_first_server(world);
  const Output out = world.send(kLan, server_tcp(kAck, pattern(5)));
  ASSERT_EQ(out.verdict, Verdict::kAnswer);
  EXPECT_EQ(out.egress, kLan);
  EXPECT_EQ(out.frame[47] & kRst, kRst);
  EXPECT_EQ(world.advance(100).size(), 1u);
}

TEST(ServerDown, ManyConnectionsAreWalkedInSlices) {
  Scene world(Mode::kNat, kProtoTcp, {.workers = 2, .max_connections = 4096});
  for (std::uint16_t port = 1000; port < 3000; ++port) {
    world.send(kWan, client_tcp(kSyn, {}, port), port % 2);
    // Only the server that got the SYN knows the connection: the other one's answer is punted.
    for (const Be32 from : {kServer1, kServer2})
      world.send(kLan, server_tcp(kSyn | kAck, {}, port, from));
    world.send(kWan, client_tcp(kAck, {}, port));
  }
  const std::int64_t on_first = world.active(world.rs_slot("10.0.0.11:80"));
  ASSERT_EQ(on_first + world.active(world.rs_slot("10.0.0.12:80")), 2000);
  fail_first_server(world);
  std::size_t probes = 0;
  for (int i = 0; i < 4; ++i) probes += world.advance(0).size();
  EXPECT_EQ(probes, static_cast<std::size_t>(on_first));
}

}  // namespace
}  // namespace lb::golden
