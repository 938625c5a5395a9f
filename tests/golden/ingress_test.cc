// In whose name packets may come in by which port: of connections, new ones, and what is the
// kernel's; with each setting of anti_spoof.
#include <gtest/gtest.h>

#include "tests/golden/guarded.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kRst;
using test::kSyn;
using test::pattern;
using test::tcp_frame;
using test::udp_frame;

// ---- the director's own addresses

class IngressOwn : public testing::TestWithParam<AntiSpoof> {};

TEST_P(IngressOwn, NobodySpeaksForTheDirector) {
  Guarded world(GetParam());
  const bool off = GetParam() == AntiSpoof::kOff;
  for (const unsigned port : {kWan, kLan}) {
    for (const Be32 source : {kDirectorWan, kDirectorLan, kVip}) {
      for (const auto& ethernet : {into(port), into(port, 7)}) {
        auto frames = for_the_kernel(ethernet, source);
        if (source == kVip) frames.erase(frames.begin() + 2);  // that one is a land packet
        expect_all(world, port, frames, off ? DropReason::none : DropReason::spoofed_source);
      }
    }
  }
}

TEST_P(IngressOwn, NoConnectionIsOpenedInItsName) {
  Guarded world(GetParam());
  const Bytes syn = tcp_frame(into(kLan), {.src = kDirectorLan, .dst = kVip}, {.flags = kSyn});
  EXPECT_EQ(world.send(kLan, syn).reason, DropReason::spoofed_source);
}

INSTANTIATE_TEST_SUITE_P(AntiSpoof, IngressOwn,
                         testing::Values(AntiSpoof::kOff, AntiSpoof::kAddresses,
                                         AntiSpoof::kStrict),
                         [](const auto& test) { return std::string(name_of(test.param)); });

// The other director is master: it has the VIP, and sends from its own addresses.
TEST(Ingress, TheOtherDirectorIsHeard) {
  Guarded world(AntiSpoof::kStrict);
  world.spec.services[0].standby = true;
  world.apply();
  expect_all(world, kWan, for_the_kernel(into(kWan), test::ip("192.0.2.3")), DropReason::none);
  const Bytes arp = test::pad(test::frame({.dst = kBroadcastMac, .type = 0x0806}, pattern(28)));
  expect_all(world, kWan, {arp}, DropReason::none);
  auto from_vip = for_the_kernel(into(kWan), kVip);
  from_vip.erase(from_vip.begin() + 2);
  expect_all(world, kWan, from_vip, DropReason::none);
}

// It owns an address (priority 255), and comes back while this one has it.
TEST(Ingress, TheOwnerOfAnAddressIsHeardToo) {
  Guarded world(AntiSpoof::kStrict);
  const Bytes advert_body = pattern(12);
  for (const Be32 to : {test::ip("224.0.0.18"), kDirectorWan}) {
    const bool to_us = to == kDirectorWan;
    const Bytes advert =
        test::frame({.dst = to_us ? kWanMac : kAllRouters, .src = kRouterMac},
                    test::ip_packet({.src = kVip, .dst = to, .ttl = 255}, 112, advert_body));
    expect_all(world, kWan, {advert}, DropReason::none);
  }
}

// ---- real servers

class IngressServers : public testing::TestWithParam<AntiSpoof> {
 protected:
  bool off() const { return GetParam() == AntiSpoof::kOff; }
  void open() {
    world.send(kWan, client_tcp(kSyn));
    world.send(kLan, server_tcp(kSyn | kAck));
    world.send(kWan, client_tcp(kAck));
  }
  // In the first server's name.
  Bytes forged(const test::Ethernet& ethernet, std::uint8_t flags, const Bytes& payload = {}) {
    return tcp_frame(
        ethernet, {.src = kServer1, .dst = kClient, .id = 7},
        {.sport = 80, .dport = 40'000, .seq = 200, .ack = 101, .flags = flags, .payload = payload});
  }
  Guarded world{GetParam()};
};

TEST_P(IngressServers, TheirSegmentsComeFromTheirPort) {
  open();
  for (const std::uint8_t flags : {kAck, std::uint8_t{kRst | kAck}}) {
    for (const auto& [port, ethernet] :
         {std::pair{kWan, into(kWan)}, {kWan, into(kWan, 7)}, {kLan, into(kLan, 7)}}) {
      if (off() && flags != kAck) continue;
      const Output out = world.send(port, forged(ethernet, flags, pattern(10)));
      EXPECT_EQ(out.verdict, off() ? Verdict::kForward : Verdict::kDrop);
      EXPECT_EQ(out.reason, off() ? DropReason::none : DropReason::spoofed_server);
    }
  }
  const Output honest = world.send(kLan, server_tcp(kAck, pattern(10)));
  EXPECT_EQ(honest.verdict, Verdict::kForward);
  EXPECT_EQ(honest.egress, kWan);
  EXPECT_EQ(world.active(0), 1) << "no reset counted";
}

TEST_P(IngressServers, TheirFragmentsToo) {
  open();
  const std::vector<Bytes> parts = test::fragments(forged(into(kWan), kAck, pattern(900)), 500);
  EXPECT_EQ(world.send(kWan, parts[0]).verdict, off() ? Verdict::kForward : Verdict::kDrop);
  // A refused first one decides nothing for the others: they wait for an honest one.
  EXPECT_EQ(world.send(kWan, parts[1]).verdict, off() ? Verdict::kForward : Verdict::kHeld);
  world.advance(10'000);
  EXPECT_EQ(world.dropped(DropReason::fragment_timeout), off() ? 0U : 1U);
  // Of a datagram whose first fragment was honest.
  std::vector<Bytes> honest = test::fragments(server_tcp(kAck, pattern(900)), 500);
  EXPECT_EQ(world.send(kLan, honest[0]).verdict, Verdict::kForward);
  std::copy(kWanMac.begin(), kWanMac.end(), honest[1].begin());
  EXPECT_EQ(world.send(kWan, honest[1]).verdict, off() ? Verdict::kForward : Verdict::kDrop);
}

// What is refused does not keep a connection alive.
TEST_P(IngressServers, ForgedSegmentsDoNotKeepAConnection) {
  world.spec.timeouts.tcp_established = test::ticks(100);
  world.apply();
  open();
  for (unsigned second = 0; second < 12; ++second) {
    world.advance(1'000);
    world.send(kWan, forged(into(kWan), kAck, pattern(10)));
  }
  EXPECT_EQ(world.connections(), off() ? 1U : 0U);
}

// In the first server's name, with the id of an honest datagram.
TEST_P(IngressServers, AForgedFirstFragmentDecidesNothing) {
  if (off()) return;
  open();
  const std::vector<Bytes> lies = test::fragments(forged(into(kWan), kAck, pattern(900)), 500);
  const Bytes honest =
      tcp_frame({.dst = kLanMac, .src = kServer1Mac}, {.src = kServer1, .dst = kClient, .id = 7},
                {.sport = 80,
                 .dport = 40'000,
                 .seq = 200,
                 .ack = 101,
                 .flags = kAck,
                 .payload = pattern(900)});
  const std::vector<Bytes> parts = test::fragments(honest, 500);
  ASSERT_EQ(parts.size(), 2U);
  const auto lie = [&] { EXPECT_EQ(world.send(kWan, lies[0]).reason, DropReason::spoofed_server); };
  // Between its fragments.
  EXPECT_EQ(world.send(kLan, parts[0]).verdict, Verdict::kForward);
  lie();
  EXPECT_EQ(world.send(kLan, parts[1]).verdict, Verdict::kForward);
  world.advance(10'000);
  // Before them, when they come in the other order.
  lie();
  EXPECT_EQ(world.send(kLan, parts[1]).verdict, Verdict::kHeld);
  lie();
  EXPECT_TRUE(world.released().empty());
  EXPECT_EQ(world.send(kLan, parts[0]).verdict, Verdict::kForward);
  const auto released = world.released();
  ASSERT_EQ(released.size(), 1U);
  EXPECT_EQ(released[0].verdict, Verdict::kForward);
}

TEST_P(IngressServers, TheirAnswersToTheDirectorToo) {
  const DropReason refused = off() ? DropReason::none : DropReason::spoofed_server;
  expect_all(world, kWan, for_the_kernel(into(kWan), kServer1), refused);
  expect_all(world, kLan, for_the_kernel(into(kLan, 7), kServer1), refused);
  expect_all(world, kLan, for_the_kernel(into(kLan), kServer1), DropReason::none);
}

// A server is a client of another VIP: through its own port, or through its default gateway.
TEST_P(IngressServers, AreClientsToo) {
  const Bytes syn = tcp_frame(into(kLan), {.src = kServer1, .dst = kVip}, {.flags = kSyn});
  EXPECT_EQ(world.send(kLan, syn).verdict, Verdict::kForward);
  const Bytes by_router = tcp_frame(into(kWan), {.src = kServer2, .dst = kVip}, {.flags = kSyn});
  const Output out = world.send(kWan, by_router);
  if (GetParam() == AntiSpoof::kStrict) {
    EXPECT_EQ(out.reason, DropReason::spoofed_server);
  } else {
    EXPECT_EQ(out.verdict, Verdict::kForward);
  }
}

TEST_P(IngressServers, MayHaveSeveralWays) {
  open();
  world.spec.source_routes.push_back({Prefix::parse("10.0.0.0/24").value(), "wan", 0});
  world.apply();
  EXPECT_EQ(world.send(kWan, forged(into(kWan), kAck, pattern(10))).verdict, Verdict::kForward);
  expect_all(world, kWan, for_the_kernel(into(kWan), kServer1), DropReason::none);
}

TEST_P(IngressServers, WithoutANextHopMayBeAnywhere) {
  world.rs(0).next_hop.reset();
  world.apply();
  auto frames = for_the_kernel(into(kWan), kServer1);
  if (GetParam() == AntiSpoof::kStrict) return;  // as any source, by the routes
  expect_all(world, kWan, frames, DropReason::none);
}

TEST_P(IngressServers, AnswerOfServicesWithoutConnections) {
  Guarded dns(GetParam(), Mode::kNat, kProtoUdp);
  dns.spec.services[0].one_packet = true;
  dns.apply();
  dns.send(kWan, client_frame(kProtoUdp, 40'000, 0));
  const auto answer = [](unsigned port) {
    return udp_frame(into(port), {.src = kServer1, .dst = kClient},
                     {.sport = 80, .dport = 40'000, .payload = pattern(18)});
  };
  EXPECT_EQ(dns.send(kLan, answer(kLan)).verdict, Verdict::kForward);
  const Output forged_answer = dns.send(kWan, answer(kWan));
  EXPECT_EQ(forged_answer.verdict, off() ? Verdict::kForward : Verdict::kDrop);
  EXPECT_EQ(forged_answer.reason, off() ? DropReason::none : DropReason::spoofed_server);
}

INSTANTIATE_TEST_SUITE_P(AntiSpoof, IngressServers,
                         testing::Values(AntiSpoof::kOff, AntiSpoof::kAddresses,
                                         AntiSpoof::kStrict),
                         [](const auto& test) { return std::string(name_of(test.param)); });

// Clients, servers and the other director are on one port.
TEST(Ingress, OneArm) {
  for (const AntiSpoof anti_spoof : {AntiSpoof::kAddresses, AntiSpoof::kStrict}) {
    Guarded world(anti_spoof);
    for (unsigned i = 0; i < 2; ++i) world.rs(i).next_hop->port = "wan";
    world.spec.source_routes = {{Prefix::parse("0.0.0.0/0").value(), "wan", 0}};
    world.apply();
    EXPECT_EQ(world.send(kWan, client_tcp(kSyn)).verdict, Verdict::kForward);
    const Bytes answer =
        tcp_frame(into(kWan), {.src = kServer1, .dst = kClient},
                  {.sport = 80, .dport = 40'000, .seq = 200, .ack = 101, .flags = kSyn | kAck});
    EXPECT_EQ(world.send(kWan, answer).verdict, Verdict::kForward);
    const Bytes as_client = tcp_frame(into(kWan), {.src = kServer2, .dst = kVip}, {.flags = kSyn});
    EXPECT_EQ(world.send(kWan, as_client).verdict, Verdict::kForward);
    expect_all(world, kWan, for_the_kernel(into(kWan), kServer1), DropReason::none);
  }
}

// ---- strict

TEST(IngressStrict, TakesWhatARouteLeadsTo) {
  Guarded world(AntiSpoof::kStrict);
  EXPECT_EQ(world.send(kWan, client_tcp(kSyn)).verdict, Verdict::kForward);
  expect_all(world, kWan, for_the_kernel(into(kWan), kClient), DropReason::none);
  const Be32 neighbour = test::ip("10.0.0.99");
  expect_all(world, kLan, for_the_kernel(into(kLan), neighbour), DropReason::none);
  expect_all(world, kWan, for_the_kernel(into(kWan), neighbour), DropReason::reverse_path);
  expect_all(world, kLan, for_the_kernel(into(kLan), kClient), DropReason::reverse_path);
  expect_all(world, kLan, for_the_kernel(into(kLan, 7), neighbour), DropReason::reverse_path);
  const Bytes syn = tcp_frame(into(kLan), client_to_vip(), {.sport = 40'001, .flags = kSyn});
  EXPECT_EQ(world.send(kLan, syn).reason, DropReason::reverse_path);
}

// Not only is no reply led elsewhere, but nothing reaches the connection.
TEST(IngressStrict, NobodySpeaksForAClient) {
  Guarded world(AntiSpoof::kStrict);
  world.send(kWan, client_tcp(kSyn));
  world.send(kLan, server_tcp(kSyn | kAck));
  world.send(kWan, client_tcp(kAck));
  for (const std::uint8_t flags : {kAck, std::uint8_t{kRst}}) {
    const Bytes forged =
        tcp_frame(into(kLan), client_to_vip(),
                  {.sport = 40'000, .dport = 80, .seq = 101, .ack = 201, .flags = flags});
    const Output out = world.send(kLan, forged);
    EXPECT_EQ(out.verdict, Verdict::kDrop);
    EXPECT_EQ(out.reason, DropReason::reverse_path);
  }
  EXPECT_EQ(world.active(0), 1);
  EXPECT_EQ(world.send(kLan, server_tcp(kAck, pattern(10))).egress, kWan);
}

// Nor does it keep the connection alive, or move what is known of the client's numbers.
TEST(IngressStrict, WhatIsForgedDoesNotKeepAConnection) {
  Guarded world(AntiSpoof::kStrict);
  world.spec.timeouts.tcp_established = test::ticks(100);
  world.apply();
  world.send(kWan, client_tcp(kSyn));
  world.send(kLan, server_tcp(kSyn | kAck));
  world.send(kWan, client_tcp(kAck));
  for (std::uint32_t second = 0; second < 12; ++second) {
    world.advance(1'000);
    const Bytes forged = tcp_frame(into(kLan), client_to_vip(),
                                   {.sport = 40'000,
                                    .dport = 80,
                                    .seq = 101 + (second << 20),
                                    .ack = 201,
                                    .flags = kAck,
                                    .payload = pattern(5)});
    EXPECT_EQ(world.send(kLan, forged).verdict, Verdict::kDrop);
  }
  EXPECT_EQ(world.connections(), 0U);
}

// Who has no address yet, and neighbours who speak to groups.
TEST(IngressStrict, LeavesTheKernelItsOwn) {
  Guarded world(AntiSpoof::kStrict);
  const Bytes discover = udp_frame({.dst = kBroadcastMac, .src = kRouterMac},
                                   {.src = test::ip("0.0.0.0"), .dst = test::ip("255.255.255.255")},
                                   {.sport = 68, .dport = 67});
  const Bytes query = test::frame(
      {.dst = kAllRouters, .src = kRouterMac},
      test::ip_packet({.src = test::ip("0.0.0.0"), .dst = test::ip("224.0.0.1"), .ttl = 1}, 2,
                      pattern(8)));
  const Bytes advert = test::frame(
      {.dst = kAllRouters, .src = kRouterMac},
      test::ip_packet({.src = test::ip("192.0.2.3"), .dst = test::ip("224.0.0.18"), .ttl = 255},
                      112, pattern(12)));
  const Bytes arp = test::pad(test::frame({.dst = kBroadcastMac, .type = 0x0806}, pattern(28)));
  const Bytes ipv6 = test::frame({.dst = kWanMac, .type = 0x86dd}, pattern(60));
  expect_all(world, kWan, {discover, query, advert, arp, ipv6}, DropReason::none);
}

}  // namespace
}  // namespace lb::golden
