// A sorry server on the director itself: the kernel gets the clients' packets as they are.
#include <gtest/gtest.h>

#include "tests/golden/syn_proxy_scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kRst;
using test::kSyn;
using test::pattern;

// The second of the two servers is the director. While it is used, the first one is down.
void make_local(Scene& world) {
  world.rs(1) = {.address = *Ipv4Endpoint::parse("127.0.0.1:80"), .mode = Mode::kDr, .local = true};
}
void use_local(Scene& world, bool used) {
  world.rs(0).up = !used;
  world.rs(1).up = used;
  world.rs(1).keep_connections = !used;
  world.apply();
}

class Local : public ::testing::TestWithParam<Mode> {
 protected:
  Local() {
    make_local(world);
    use_local(world, true);
  }
  void expect_local(Scene& to, const Bytes& frame) {
    const Output out = to.send(kWan, frame);
    EXPECT_EQ(out.verdict, Verdict::kLocal);
    EXPECT_EQ(out.frame, frame) << "as it was";
  }
  std::uint32_t slot() const { return world.rs_slot("127.0.0.1:80"); }

  Scene world{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Modes, Local, testing::Values(Mode::kNat, Mode::kDr),
                         [](const auto& mode) { return mode.param == Mode::kNat ? "Nat" : "Dr"; });

TEST_P(Local, TheKernelGetsItsConnectionsAsTheyAre) {
  const Bytes syn = client_tcp(kSyn);
  const Bytes request = client_tcp(kAck, pattern(30));
  expect_local(world, syn);
  expect_local(world, client_tcp(kAck));
  expect_local(world, request);
  expect_local(world, request);
  EXPECT_EQ(world.connections(), 1u);
  EXPECT_EQ(world.active(slot()), 1);
  EXPECT_EQ(world.rs_counter(slot(), &RealServerCounters::connections), 1u);
  EXPECT_EQ(world.rs_counter(slot(), &RealServerCounters::packets_in), 4u);
  EXPECT_EQ(world.rs_counter(slot(), &RealServerCounters::bytes_in), 40u + 40u + 70u + 70u);
  expect_local(world, client_tcp(kFin | kAck));
  EXPECT_EQ(world.active(slot()), 0);
  EXPECT_EQ(world.counter(&WorkerCounters::dropped), 0u);
}

TEST_P(Local, ConnectionsStayWhereTheyBegan) {
  expect_local(world, client_tcp(kSyn));
  expect_local(world, client_tcp(kAck));
  use_local(world, false);
  EXPECT_TRUE(world.advance(100).empty()) << "nobody is probed";
  expect_local(world, client_tcp(kAck, pattern(30)));
  EXPECT_EQ(world.send(kWan, client_tcp(kSyn, {}, 40'001)).verdict, Verdict::kForward);
  use_local(world, true);
  world.rs(0).keep_connections = true;
  world.apply();
  EXPECT_EQ(world.send(kWan, client_tcp(kAck, {}, 40'001)).verdict, Verdict::kForward);
  expect_local(world, client_tcp(kSyn, {}, 40'002));
}

TEST_P(Local, TheLimitsOfTheServiceHold) {
  world.spec.services[0].access =
      SharedAccessList({.allow = {}, .deny = {Prefix(Ipv4Address{kClient}, 32)}, .others = true});
  world.apply();
  EXPECT_EQ(world.send(kWan, client_tcp(kSyn)).reason, DropReason::denied);
}

TEST_P(Local, NoRouterIsPlayed) {
  const Bytes last_hop = test::tcp_frame(from_router(), client_to_vip(1),
                                         {.sport = 40'000, .dport = 80, .flags = kSyn});
  expect_local(world, last_hop);
}

TEST_P(Local, IcmpErrorsAboutItsRepliesToo) {
  expect_local(world, client_tcp(kSyn));
  const Bytes reply = test::tcp_frame({}, {.src = kVip, .dst = kClient},
                                      {.sport = 80, .dport = 40'000, .flags = kAck});
  const Bytes quote(reply.begin() + 14, reply.end());
  expect_local(world, test::icmp_frame(from_router(), client_to_vip(),
                                       {.type = 3, .code = 4, .payload = quote}));
}

TEST_P(Local, UdpAndItsFragments) {
  Scene udp(GetParam(), kProtoUdp);
  make_local(udp);
  use_local(udp, true);
  const Bytes datagram = test::udp_frame(from_router(), client_to_vip(),
                                         {.sport = 40'000, .dport = 80, .payload = pattern(3'000)});
  for (const Bytes& fragment : test::fragments(datagram, 1500)) expect_local(udp, fragment);
  use_local(udp, false);
  expect_local(udp, client_frame(kProtoUdp, 40'000, 0));
  EXPECT_EQ(udp.send(kWan, client_frame(kProtoUdp, 40'001, 0)).verdict, Verdict::kForward);
}

TEST_P(Local, OnePacketAtATime) {
  Scene udp(GetParam(), kProtoUdp);
  make_local(udp);
  udp.spec.services[0].one_packet = true;
  use_local(udp, true);
  expect_local(udp, client_frame(kProtoUdp, 40'000, 0));
  EXPECT_EQ(udp.connections(), 0u);
  use_local(udp, false);
  EXPECT_EQ(udp.send(kWan, client_frame(kProtoUdp, 40'000, 0)).verdict, Verdict::kForward)
      << "there is no connection to stay with";
}

TEST_P(Local, PersistentClientsLeaveIt) {
  world.spec.services[0].persistence = std::chrono::seconds(60);
  world.apply();
  expect_local(world, client_tcp(kSyn));
  use_local(world, false);
  EXPECT_EQ(world.send(kWan, client_tcp(kSyn, {}, 40'001)).verdict, Verdict::kForward);
}

TEST_P(Local, ThePeerHasNoneOfItsConnections) {
  Scene master(GetParam(), kProtoTcp, {.peer = true});
  make_local(master);
  use_local(master, true);
  master.join();
  expect_local(master, client_tcp(kSyn));
  expect_local(master, client_tcp(kAck));
  expect_local(master, client_tcp(kAck, pattern(5)));
  const auto sent = master.exported();
  EXPECT_TRUE(std::none_of(sent.begin(), sent.end(),
                           [](const SyncEntry& entry) { return entry.kind == SyncKind::kConn; }));
}

TEST_P(Local, OfThePeersNoneIsAccepted) {
  Scene standby(GetParam(), kProtoTcp, {.peer = true});
  make_local(standby);
  standby.spec.services[0].standby = true;
  use_local(standby, true);
  SyncEntry entry;
  entry.proto = kProtoTcp;
  entry.tuple = {kClient, kVip, Be16::from_host(40'000), Be16::from_host(80)};
  entry.mode = static_cast<std::uint8_t>(Mode::kDr);
  entry.state = ConnState::kEstablished;
  entry.rs_address = test::ip("127.0.0.1");
  entry.rs_port = Be16::from_host(80);
  standby.receive({&entry, 1});
  EXPECT_EQ(standby.imported(ImportOutcome::unknown_real_server), 1u);
  EXPECT_EQ(standby.connections(), 0u);
}

TEST(LocalSynProxy, CookiesDoNotAnswerForTheKernel) {
  ProxyScene world;
  ASSERT_EQ(world.syn().verdict, Verdict::kAnswer) << "of a real server they do";
  make_local(world);
  use_local(world, true);
  EXPECT_EQ(world.syn().verdict, Verdict::kLocal);
  EXPECT_EQ(world.client({.seq = kProxiedIsn + 1, .ack = 77, .flags = kAck}).verdict,
            Verdict::kLocal)
      << "of the kernel's own handshake";
  use_local(world, false);
  EXPECT_EQ(world.client({.seq = kProxiedIsn + 1, .ack = 77, .flags = kAck}).verdict,
            Verdict::kLocal);
  EXPECT_EQ(world.counts().cookies, 1u);
}

TEST(LocalSynProxy, AClientWithACookieIsTheKernelsToReset) {
  ProxyScene world;
  ASSERT_EQ(world.syn().verdict, Verdict::kAnswer);
  make_local(world);
  use_local(world, true);
  EXPECT_EQ(world.proof().verdict, Verdict::kPunt) << "no connection of its";
}

}  // namespace
}  // namespace lb::golden
