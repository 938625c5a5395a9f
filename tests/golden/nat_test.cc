// NAT mode beyond the walks: routing rules, VLANs, closing, reuse of ports, and what is not a
// service's.
#include <gtest/gtest.h>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kRst;
using test::kSyn;
using test::pattern;

void establish(Scene& world, std::uint16_t sport = 40'000) {
  world.send(kWan, client_tcp(kSyn, {}, sport));
  world.send(kLan, server_tcp(kSyn | kAck, {}, sport));
  world.send(kWan, client_tcp(kAck, {}, sport));
}

TEST(Nat, EveryForwardedFrameHasRightChecksums) {
  Scene world(Mode::kNat);
  establish(world);
  for (std::size_t size = 0; size < 64; ++size) {
    for (const Output& out : {world.send(kWan, client_tcp(kAck, pattern(size))),
                              world.send(kLan, server_tcp(kAck, pattern(size)))}) {
      ASSERT_EQ(out.verdict, Verdict::kForward);
      EXPECT_EQ(test::verify(out.frame), "");
    }
  }
}

TEST(Nat, CorruptPayloadStaysCorrupt) {
  Scene world(Mode::kNat);
  establish(world);
  Bytes frame = client_tcp(kAck, pattern(100));
  frame.back() ^= 0x40;
  const Output out = world.send(kWan, frame);
  ASSERT_EQ(out.verdict, Verdict::kForward);
  EXPECT_NE(test::verify(out.frame), "")
      << "an incremental correction must not bless a broken segment";
}

TEST(Nat, TtlExpiryIsAnsweredFromThePortsAddress) {
  Scene world(Mode::kNat);
  establish(world);
  const Bytes probe = test::tcp_frame(from_router(), client_to_vip(1),
                                      {.sport = 40'000, .dport = 80, .flags = kAck});
  const Output out = world.send(kWan, probe);
  ASSERT_EQ(out.verdict, Verdict::kAnswer);
  EXPECT_EQ(out.egress, kWan);
  EXPECT_EQ(test::verify(out.frame), "");
  EXPECT_EQ(world.dropped(DropReason::ttl_expired), 1u);
  EXPECT_EQ(out.frame[14 + 20], 11);
  EXPECT_TRUE(std::equal(kRouterMac.begin(), kRouterMac.end(), out.frame.begin()));
  EXPECT_EQ(Bytes(out.frame.begin() + 26, out.frame.begin() + 30), (Bytes{192, 0, 2, 2}));
  // The quote is the packet as the client knows it.
  EXPECT_TRUE(std::equal(out.frame.begin() + 14 + 28, out.frame.begin() + 14 + 28 + 28,
                         probe.begin() + 14));
}

TEST(Nat, TooLargeWithDfIsAnsweredWithTheMtu) {
  Scene world(Mode::kNat);
  world.ports[kLan].mtu = 1400;
  world.apply();
  establish(world);
  test::Ipv4 ip = client_to_vip();
  ip.dont_fragment = true;
  const auto segment = [&](std::size_t size) {
    return test::tcp_frame(from_router(), ip,
                           {.sport = 40'000, .dport = 80, .flags = kAck, .payload = pattern(size)});
  };
  EXPECT_EQ(world.send(kWan, segment(1360)).verdict, Verdict::kForward);
  const Output out = world.send(kWan, segment(1361));
  ASSERT_EQ(out.verdict, Verdict::kAnswer);
  EXPECT_EQ(test::verify(out.frame), "");
  EXPECT_EQ(out.frame[34], 3);
  EXPECT_EQ(out.frame[35], 4);
  EXPECT_EQ(out.frame[40] * 256 + out.frame[41], 1400);
  EXPECT_EQ(world.dropped(DropReason::mtu_exceeded), 1u);
  // Without DF it is forwarded, to be cut by the loop.
  ip.dont_fragment = false;
  EXPECT_EQ(world.send(kWan, segment(1361)).verdict, Verdict::kFragment);
}

TEST(Nat, VlanTagsOnEitherSide) {
  Scene world(Mode::kNat);
  world.rs(0).next_hop->vlan = 20;
  world.apply();
  const test::Ethernet tagged{.dst = kWanMac, .src = kRouterMac, .vlan = 10};
  const Output out = world.send(kWan, test::tcp_frame(tagged, client_to_vip(), {.flags = kSyn}));
  EXPECT_EQ(out.frame,
            test::tcp_frame({.dst = kServer1Mac, .src = kLanMac, .vlan = 20},
                            {.src = kClient, .dst = kServer1, .ttl = 59}, {.flags = kSyn}));
  const Output back =
      world.send(kLan, test::tcp_frame({.dst = kLanMac, .src = kServer1Mac, .vlan = 20},
                                       {.src = kServer1, .dst = kClient},
                                       {.sport = 80, .dport = 40'000, .flags = kSyn | kAck}));
  EXPECT_EQ(back.frame, test::tcp_frame({.dst = kRouterMac, .src = kWanMac, .vlan = 10},
                                        {.src = kVip, .dst = kClient, .ttl = 63},
                                        {.sport = 80, .dport = 40'000, .flags = kSyn | kAck}));
}

TEST(Nat, VlanTagIsAddedAndTakenOff) {
  Scene world(Mode::kNat);
  world.rs(0).next_hop->vlan = 20;
  world.apply();
  const Output out = world.send(kWan, client_tcp(kSyn, pattern(11)));
  EXPECT_EQ(out.frame,
            test::tcp_frame({.dst = kServer1Mac, .src = kLanMac, .vlan = 20},
                            {.src = kClient, .dst = kServer1, .ttl = 59},
                            {.seq = 100, .ack = 201, .flags = kSyn, .payload = pattern(11)}));
  const Output back =
      world.send(kLan, test::tcp_frame({.dst = kLanMac, .src = kServer1Mac, .vlan = 20},
                                       {.src = kServer1, .dst = kClient},
                                       {.sport = 80, .dport = 40'000, .flags = kSyn | kAck}));
  EXPECT_EQ(back.frame, test::tcp_frame({.dst = kRouterMac, .src = kWanMac},
                                        {.src = kVip, .dst = kClient, .ttl = 63},
                                        {.sport = 80, .dport = 40'000, .flags = kSyn | kAck}));
}

TEST(Nat, FramesForOtherStationsAreNotTouched) {
  Scene world(Mode::kNat);
  const Output out =
      world.send(kWan, test::tcp_frame({.dst = {2, 9, 9, 9, 9, 9}, .src = kRouterMac},
                                       client_to_vip(), {.flags = kSyn}));
  EXPECT_EQ(out.verdict, Verdict::kDrop);
  EXPECT_EQ(world.dropped(DropReason::other_station), 1u);
  EXPECT_EQ(world.connections(), 0u);
}

TEST(Nat, ReplyFollowsAClientWhoseRouterMoved) {
  Scene world(Mode::kNat);
  establish(world);
  const test::Mac standby = {2, 0, 0, 0, 1, 1};
  world.send(kWan,
             test::tcp_frame({.dst = kWanMac, .src = standby}, client_to_vip(), {.flags = kAck}));
  const Output out = world.send(kLan, server_tcp(kAck, pattern(10)));
  EXPECT_TRUE(std::equal(standby.begin(), standby.end(), out.frame.begin()));
}

TEST(Nat, WithoutConnectionOnlyASynOpensOne) {
  Scene world(Mode::kNat);
  for (const int flags : {+kAck, kSyn | kAck, kFin | kAck, +kRst, kSyn | kFin}) {
    EXPECT_EQ(world.send(kWan, client_tcp(static_cast<std::uint8_t>(flags))).verdict,
              Verdict::kPunt)
        << flags;
  }
  EXPECT_EQ(world.connections(), 0u);
}

TEST(Nat, ClosedByTheServerThenTheClient) {
  Scene world(Mode::kNat);
  world.spec.timeouts.tcp_time_wait = test::ticks(10);
  world.apply();
  establish(world);
  const std::uint32_t slot = world.rs_slot("10.0.0.11:80");
  world.send(kLan, server_tcp(kFin | kAck));
  world.send(kWan, client_tcp(kFin | kAck));
  EXPECT_EQ(world.active(slot), 0);
  EXPECT_EQ(world.inactive(slot), 1);
  world.advance(900);
  EXPECT_EQ(world.connections(), 1u);
  world.advance(300);
  EXPECT_EQ(world.connections(), 0u);
  EXPECT_EQ(world.inactive(slot), 0);
  EXPECT_EQ(world.counter(&WorkerCounters::conns_expired), 1u);
}

TEST(Nat, EstablishedOutlivesItsHandshakesTimeout) {
  Scene world(Mode::kNat);
  world.spec.timeouts.tcp_syn_sent = test::ticks(10);
  world.spec.timeouts.tcp_syn_received = test::ticks(10);
  world.spec.timeouts.tcp_established = test::ticks(100);
  world.apply();
  establish(world, 40'000);
  world.send(kWan, client_tcp(kSyn, {}, 40'001));
  world.advance(5'000);
  EXPECT_EQ(world.connections(), 1u) << "the half-open one is gone, the established one stays";
  world.send(kWan, client_tcp(kAck, pattern(1)));
  world.advance(9'500);
  EXPECT_EQ(world.connections(), 1u) << "a packet put its end off";
  world.advance(1'000);
  EXPECT_EQ(world.connections(), 0u);
}

TEST(Nat, SynOnAConnectionThatIsOverOpensANewOne) {
  Scene world(Mode::kNat);
  establish(world);
  world.send(kLan, server_tcp(kFin | kAck));
  world.send(kWan, client_tcp(kFin | kAck));
  world.send(kLan, server_tcp(kAck));
  const Output out = world.send(kWan, client_next_syn());
  ASSERT_EQ(out.verdict, Verdict::kForward);
  EXPECT_TRUE(std::equal(kServer2Mac.begin(), kServer2Mac.end(), out.frame.begin()))
      << "scheduled anew";
  EXPECT_EQ(world.connections(), 1u);
  EXPECT_EQ(world.inactive(world.rs_slot("10.0.0.11:80")), 0);
  EXPECT_EQ(world.inactive(world.rs_slot("10.0.0.12:80")), 1);
}

TEST(Nat, BlindAckDoesNotEstablish) {
  Scene world(Mode::kNat);
  world.send(kWan, client_tcp(kSyn));
  world.send(kWan, client_tcp(kAck));
  EXPECT_EQ(world.active(world.rs_slot("10.0.0.11:80")), 0);
}

TEST(Nat, ResetEndsSoon) {
  Scene world(Mode::kNat);
  world.spec.timeouts.tcp_closed = test::ticks(5);
  world.apply();
  establish(world);
  EXPECT_EQ(world.send(kLan, server_tcp(kRst | kAck)).verdict, Verdict::kForward);
  world.advance(700);
  EXPECT_EQ(world.connections(), 0u);
}

TEST(Nat, UdpWithAndWithoutChecksum) {
  Scene world(Mode::kNat, kProtoUdp);
  for (const bool has_checksum : {true, false}) {
    const Output out = world.send(
        kWan, test::udp_frame(from_router(), client_to_vip(),
                              {.dport = 80, .payload = pattern(33), .has_checksum = has_checksum}));
    EXPECT_EQ(out.frame,
              test::udp_frame({.dst = kServer1Mac, .src = kLanMac},
                              {.src = kClient, .dst = kServer1, .ttl = 59},
                              {.dport = 80, .payload = pattern(33), .has_checksum = has_checksum}));
  }
  EXPECT_EQ(world.connections(), 1u);
  EXPECT_EQ(world.inactive(world.rs_slot("10.0.0.11:80")), 1);
}

TEST(Nat, TwoPacketsOfANewUdpFlowInOneBurst) {
  Scene world(Mode::kNat, kProtoUdp);
  const Bytes frame =
      test::udp_frame(from_router(), client_to_vip(), {.dport = 80, .payload = pattern(9)});
  const auto out = world.send_burst(kWan, {frame, frame, frame});
  EXPECT_EQ(out[0].frame, out[1].frame);
  EXPECT_EQ(out[0].frame, out[2].frame);
  EXPECT_EQ(world.connections(), 1u);
}

TEST(Nat, NoServerUpIsAnsweredWithPortUnreachable) {
  Scene world(Mode::kNat);
  world.rs(0).up = false;
  world.rs(1).weight = 0;
  world.apply();
  const Output out = world.send(kWan, client_tcp(kSyn));
  ASSERT_EQ(out.verdict, Verdict::kAnswer);
  EXPECT_EQ(test::verify(out.frame), "");
  EXPECT_EQ(out.frame[34], 3);
  EXPECT_EQ(out.frame[35], 3);
  EXPECT_EQ(world.dropped(DropReason::no_real_server), 1u);
}

TEST(Nat, UnresolvedNextHopIsCounted) {
  Scene world(Mode::kNat);
  world.rs(0).next_hop.reset();
  world.rs(1).next_hop.reset();
  world.apply();
  EXPECT_EQ(world.send(kWan, client_tcp(kSyn)).reason, DropReason::next_hop_unresolved);
  EXPECT_EQ(world.connections(), 0u);
}

TEST(Nat, OneClientPortToTwoServicesGoesToTwoServers) {
  Scene world(Mode::kNat);
  ServiceSpec second = world.spec.services[0];
  second.name = "web2";
  second.addresses = {test::single("192.0.2.11:80")};
  world.spec.services.push_back(second);
  world.apply();
  const auto syn_to = [&](const char* vip) {
    return world.send(kWan, test::tcp_frame(from_router(), {.src = kClient, .dst = test::ip(vip)},
                                            {.flags = kSyn}));
  };
  const Output first = syn_to("192.0.2.10");
  const Output other = syn_to("192.0.2.11");
  ASSERT_EQ(first.verdict, Verdict::kForward);
  ASSERT_EQ(other.verdict, Verdict::kForward);
  EXPECT_NE(Bytes(first.frame.begin(), first.frame.begin() + 6),
            Bytes(other.frame.begin(), other.frame.begin() + 6));
  // Both servers are taken now: a third service has nowhere to go.
  ServiceSpec third = second;
  third.name = "web3";
  third.addresses = {test::single("192.0.2.12:80")};
  world.spec.services.push_back(third);
  world.apply();
  EXPECT_EQ(syn_to("192.0.2.12").reason, DropReason::reply_tuple_taken);
}

TEST(Nat, AClosedConnectionOfAnotherServiceGivesItsPortBack) {
  Scene world(Mode::kNat);
  world.spec.services[0].real_servers.resize(1);
  ServiceSpec second = world.spec.services[0];
  second.name = "web2";
  second.addresses = {test::single("192.0.2.11:80")};
  world.spec.services.push_back(second);
  world.apply();
  const auto syn_to_second = [&] {
    return world.send(
        kWan, test::tcp_frame(from_router(), {.src = kClient, .dst = test::ip("192.0.2.11")},
                              {.sport = 40'000, .dport = 80, .seq = kNextIsn, .flags = kSyn}));
  };
  world.send(kWan, client_tcp(kSyn));
  world.send(kLan, server_tcp(kSyn | kAck));
  world.send(kWan, client_tcp(kAck));
  EXPECT_EQ(syn_to_second().reason, DropReason::reply_tuple_taken) << "it is established";
  world.send(kLan, server_tcp(kFin | kAck));
  EXPECT_EQ(syn_to_second().reason, DropReason::reply_tuple_taken) << "one side has closed it";
  world.send(kWan, client_tcp(kFin | kAck));
  const Output opened = syn_to_second();
  ASSERT_EQ(opened.verdict, Verdict::kForward);
  EXPECT_EQ(world.connections(), 1u) << "in the place of the other one";
  const Output answer = world.send(
      kLan,
      test::tcp_frame(
          {.dst = kLanMac, .src = kServer1Mac}, {.src = kServer1, .dst = kClient, .ttl = 64},
          {.sport = 80, .dport = 40'000, .seq = 900, .ack = kNextIsn + 1, .flags = kSyn | kAck}));
  ASSERT_EQ(answer.verdict, Verdict::kForward);
  EXPECT_EQ(test::Bytes(answer.frame.begin() + 26, answer.frame.begin() + 30),
            (Bytes{192, 0, 2, 11}));
}

TEST(Nat, AConnectionThatAResetEndedKeepsItsPort) {
  Scene world(Mode::kNat);
  world.spec.services[0].real_servers.resize(1);
  ServiceSpec second = world.spec.services[0];
  second.name = "web2";
  second.addresses = {test::single("192.0.2.11:80")};
  world.spec.services.push_back(second);
  world.apply();
  establish(world, 40'000);
  world.send(kWan, client_tcp(kRst | kAck));
  EXPECT_EQ(world
                .send(kWan, test::tcp_frame(from_router(),
                                            {.src = kClient, .dst = test::ip("192.0.2.11")},
                                            {.sport = 40'000, .dport = 80, .flags = kSyn}))
                .reason,
            DropReason::reply_tuple_taken)
      << "the reset may have been forged";
}

TEST(Nat, AFullTableShedsTheOldestHalfOpenNeverAnEstablished) {
  Scene world(Mode::kNat, kProtoTcp, {.max_connections = 64});
  establish(world, 1000);
  for (std::uint16_t port = 2000; port < 2063; ++port) world.send(kWan, client_tcp(kSyn, {}, port));
  ASSERT_EQ(world.connections(), 64u);
  ASSERT_EQ(world.shed(ShedClass::half_open), 0u);
  EXPECT_EQ(world.send(kWan, client_tcp(kSyn, {}, 3000)).verdict, Verdict::kForward);
  EXPECT_EQ(world.connections(), 64u);
  EXPECT_EQ(world.shed(ShedClass::half_open), 1u);
  EXPECT_EQ(world.send(kLan, server_tcp(kSyn | kAck, {}, 2000, kServer2)).verdict, Verdict::kPunt)
      << "shed: the oldest";
  EXPECT_EQ(world.send(kWan, client_tcp(kAck, {}, 1000)).verdict, Verdict::kForward);
}

TEST(Nat, AFullTableOfEstablishedConnectionsRefuses) {
  Scene world(Mode::kNat, kProtoTcp, {.max_connections = 64});
  for (std::uint16_t port = 2000; port < 2064; ++port) {
    world.send(kWan, client_tcp(kSyn, {}, port));
    world.send(kLan, server_tcp(kSyn | kAck, {}, port, port % 2 == 0 ? kServer1 : kServer2));
    world.send(kWan, client_tcp(kAck, {}, port));
  }
  EXPECT_EQ(world.send(kWan, client_tcp(kSyn, {}, 3000)).reason, DropReason::table_full);
  EXPECT_EQ(world.shed(ShedClass::half_open), 0u);
  EXPECT_EQ(world.connections(), 64u);
}

}  // namespace
}  // namespace lb::golden
