// The walks that docs/architecture.md describes, each under its name: what goes in, what comes out,
// every byte, and every counter that moves.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kRst;
using test::kSyn;
using test::pattern;
using test::tcp_frame;

TEST(Walk1, SynInNatMode) {
  Scene world(Mode::kNat);
  const Output out = world.send(kWan, client_tcp(kSyn));
  ASSERT_EQ(out.verdict, Verdict::kForward);
  EXPECT_EQ(out.egress, kLan);
  EXPECT_EQ(
      out.frame,
      tcp_frame({.dst = kServer1Mac, .src = kLanMac}, {.src = kClient, .dst = kServer1, .ttl = 59},
                {.sport = 40'000, .dport = 80, .seq = 100, .ack = 201, .flags = kSyn}));
  const std::uint32_t slot = world.rs_slot("10.0.0.11:80");
  EXPECT_EQ(world.connections(), 1u);
  EXPECT_EQ(world.active(slot), 0);
  EXPECT_EQ(world.inactive(slot), 1);
  EXPECT_EQ(world.rs_counter(slot, &RealServerCounters::connections), 1u);
  EXPECT_EQ(world.rs_counter(slot, &RealServerCounters::packets_in), 1u);
  EXPECT_EQ(world.rs_counter(slot, &RealServerCounters::bytes_in), 40u);
  EXPECT_EQ(world.rs_counter(slot, &RealServerCounters::packets_out), 0u);
  EXPECT_EQ(world.counter(&WorkerCounters::conns_created), 1u);
  EXPECT_EQ(world.counter(&WorkerCounters::dropped), 0u);
}

TEST(Walk2, ServersReply) {
  Scene world(Mode::kNat);
  world.send(kWan, client_tcp(kSyn));
  const Output out = world.send(kLan, server_tcp(kSyn | kAck));
  ASSERT_EQ(out.verdict, Verdict::kForward);
  EXPECT_EQ(out.egress, kWan);
  EXPECT_EQ(
      out.frame,
      tcp_frame({.dst = kRouterMac, .src = kWanMac}, {.src = kVip, .dst = kClient, .ttl = 63},
                {.sport = 80, .dport = 40'000, .seq = 200, .ack = 101, .flags = kSyn | kAck}));
  const std::uint32_t slot = world.rs_slot("10.0.0.11:80");
  EXPECT_EQ(world.rs_counter(slot, &RealServerCounters::packets_out), 1u);
  EXPECT_EQ(world.inactive(slot), 1);
}

TEST(Walk2, RepliesMayComeOnAnotherWorker) {
  Scene world(Mode::kNat, kProtoTcp, {.workers = 2});
  world.send(kWan, client_tcp(kSyn), 0);
  EXPECT_EQ(world.send(kLan, server_tcp(kSyn | kAck), 1).verdict, Verdict::kForward);
  EXPECT_EQ(world.send(kWan, client_tcp(kAck), 0).verdict, Verdict::kForward);
  const std::uint32_t slot = world.rs_slot("10.0.0.11:80");
  EXPECT_EQ(world.active(slot), 1);
  EXPECT_EQ(world.inactive(slot), 0);
}

TEST(Walk3, EstablishedPacket) {
  Scene world(Mode::kNat);
  world.send(kWan, client_tcp(kSyn));
  world.send(kLan, server_tcp(kSyn | kAck));
  world.send(kWan, client_tcp(kAck));
  const std::uint32_t slot = world.rs_slot("10.0.0.11:80");
  EXPECT_EQ(world.active(slot), 1);
  EXPECT_EQ(world.inactive(slot), 0);

  const Bytes payload = pattern(1001);
  const Output in = world.send(kWan, client_tcp(kAck, payload));
  EXPECT_EQ(in.frame, tcp_frame({.dst = kServer1Mac, .src = kLanMac},
                                {.src = kClient, .dst = kServer1, .ttl = 59},
                                {.sport = 40'000,
                                 .dport = 80,
                                 .seq = 100,
                                 .ack = 201,
                                 .flags = kAck,
                                 .payload = payload}));
  const Output back = world.send(kLan, server_tcp(kAck, payload));
  EXPECT_EQ(back.frame,
            tcp_frame({.dst = kRouterMac, .src = kWanMac}, {.src = kVip, .dst = kClient, .ttl = 63},
                      {.sport = 80,
                       .dport = 40'000,
                       .seq = 200,
                       .ack = 101,
                       .flags = kAck,
                       .payload = payload}));
  EXPECT_EQ(world.connections(), 1u);
}

// Another packet of the same tick leaves the record's cache line clean, the next tick's writes
// last_seen.
TEST(Walk3, WritesAtMostLastSeen) {
  Scene world(Mode::kNat);
  world.send(kWan, client_tcp(kSyn));
  world.send(kLan, server_tcp(kSyn | kAck));
  world.send(kWan, client_tcp(kAck));
  const FlowTuple tuple{kClient, kVip, Be16::from_host(40'000), Be16::from_host(80)};
  const Hit hit = world.table().find(tuple, kProtoTcp, world.table().hash(tuple, kProtoTcp));
  ASSERT_TRUE(hit);
  const Record& record = *hit.record;
  const auto line = [&record] {
    std::array<std::uint8_t, sizeof(Record)> bytes;
    std::memcpy(bytes.data(), &record, bytes.size());
    return bytes;
  };
  auto expected = line();
  world.send(kWan, client_tcp(kAck, pattern(10)));
  world.send(kLan, server_tcp(kAck, pattern(10)));
  EXPECT_EQ(line(), expected);

  world.advance(kTickMs);
  world.send(kWan, client_tcp(kAck, pattern(10)));
  const std::uint32_t now = world.now();
  EXPECT_EQ(record.last_seen.load(), now);
  std::memcpy(expected.data() + offsetof(Record, last_seen), &now, sizeof now);
  EXPECT_EQ(line(), expected);
}

TEST(Walk4, IcmpErrorFromTheClientsSide) {
  Scene world(Mode::kNat);
  world.send(kWan, client_tcp(kSyn));
  // A router on the client's side cannot pass the server's answer on: it quotes what it saw, the
  // VIP's packet.
  const Bytes quote =
      test::cut(test::tcp_packet({.src = kVip, .dst = kClient, .ttl = 62},
                                 {.sport = 80, .dport = 40'000, .seq = 200, .flags = kAck}),
                28);
  const Be32 router = test::ip("203.0.113.1");
  const Output out =
      world.send(kWan, test::icmp_frame(from_router(), {.src = router, .dst = kVip, .ttl = 60},
                                        {.type = 3, .code = 4, .rest = 1400, .payload = quote}));
  ASSERT_EQ(out.verdict, Verdict::kForward);
  EXPECT_EQ(out.egress, kLan);
  const Bytes translated =
      test::cut(test::tcp_packet({.src = kServer1, .dst = kClient, .ttl = 62},
                                 {.sport = 80, .dport = 40'000, .seq = 200, .flags = kAck}),
                28);
  EXPECT_EQ(out.frame,
            test::icmp_frame({.dst = kServer1Mac, .src = kLanMac},
                             {.src = router, .dst = kServer1, .ttl = 59},
                             {.type = 3, .code = 4, .rest = 1400, .payload = translated}));
}

TEST(Walk4, IcmpErrorFromTheServersSide) {
  Scene world(Mode::kNat);
  world.send(kWan, client_tcp(kSyn));
  const auto icmp_from = [&](Be32 source, std::uint8_t code) {
    const Bytes quote = test::tcp_packet({.src = kClient, .dst = kServer1, .ttl = 58},
                                         {.sport = 40'000, .dport = 80, .seq = 100, .flags = kAck});
    return world.send(kLan, test::icmp_frame({.dst = kLanMac, .src = kServer1Mac},
                                             {.src = source, .dst = kClient, .ttl = 64},
                                             {.type = 3, .code = code, .payload = quote}));
  };
  const auto expected = [&](Be32 source, std::uint8_t code) {
    const Bytes quote = test::tcp_packet({.src = kClient, .dst = kVip, .ttl = 58},
                                         {.sport = 40'000, .dport = 80, .seq = 100, .flags = kAck});
    return test::icmp_frame({.dst = kRouterMac, .src = kWanMac},
                            {.src = source, .dst = kClient, .ttl = 63},
                            {.type = 3, .code = code, .payload = quote});
  };
  // The real server itself goes by the VIP; a router on the way keeps its own address.
  EXPECT_EQ(icmp_from(kServer1, 3).frame, expected(kVip, 3));
  const Be32 router = test::ip("10.9.9.9");
  EXPECT_EQ(icmp_from(router, 1).frame, expected(router, 1));
  EXPECT_EQ(world.counter(&WorkerCounters::dropped), 0u);
}

TEST(Walk5, SynInDrMode) {
  Scene world(Mode::kDr);
  const Bytes syn = client_tcp(kSyn);
  const Output out = world.send(kWan, syn);
  ASSERT_EQ(out.verdict, Verdict::kForward);
  EXPECT_EQ(out.egress, kLan);
  Bytes expected = syn;  // only the MAC addresses differ, not even the TTL
  std::copy(kServer1Mac.begin(), kServer1Mac.end(), expected.begin());
  std::copy(kLanMac.begin(), kLanMac.end(), expected.begin() + 6);
  EXPECT_EQ(out.frame, expected);
  // The client's half: its ACK ends the handshake, its FIN the connection.
  const std::uint32_t slot = world.rs_slot("10.0.0.11:80");
  world.send(kWan, client_tcp(kAck));
  EXPECT_EQ(world.active(slot), 1);
  world.send(kWan, client_tcp(kFin | kAck));
  EXPECT_EQ(world.active(slot), 0);
  EXPECT_EQ(world.inactive(slot), 1);
}

TEST(Walk6, ArpSshVrrpGoToTheKernelUnchanged) {
  Scene world(Mode::kNat);
  const Bytes arp = test::pad(
      test::frame({.dst = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, .src = kRouterMac, .type = 0x0806},
                  pattern(28)));
  const Bytes ssh = tcp_frame(from_router(), {.src = kClient, .dst = test::ip("192.0.2.2")},
                              {.dport = 22, .flags = kSyn});
  const Bytes vrrp = test::frame(
      {.dst = {0x01, 0, 0x5e, 0, 0, 18}, .src = kRouterMac},
      test::ip_packet({.src = test::ip("192.0.2.3"), .dst = test::ip("224.0.0.18"), .ttl = 255},
                      112, pattern(20)));
  const Bytes ping =
      test::icmp_frame(from_router(), client_to_vip(), {.type = 8, .payload = pattern(56)});
  for (const Bytes& frame : {arp, ssh, vrrp, ping}) {
    const Output out = world.send(kWan, frame);
    EXPECT_EQ(out.verdict, Verdict::kPunt);
    EXPECT_EQ(out.frame, frame);
  }
  EXPECT_EQ(world.counter(&WorkerCounters::dropped), 0u);
  EXPECT_EQ(world.connections(), 0u);
}

}  // namespace
}  // namespace lb::golden
