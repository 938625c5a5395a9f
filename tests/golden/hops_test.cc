// The router that a client is behind gets another MAC address, and the client is silent: what goes
// to it follows at once. The client's own packets decide, when there are any.
#include <gtest/gtest.h>

#include "tests/golden/director.h"
#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::pattern;

constexpr test::Mac kOtherRouterMac = {2, 0, 0, 0, 1, 1};
constexpr test::Mac kNewRouterMac = {2, 0, 0, 0, 1, 2};

ClientHop at(const test::Mac& mac, unsigned port = kWan, std::uint16_t vlan = 0) {
  return ClientHop::make(mac.data(), vlan, static_cast<std::uint8_t>(port));
}

Bytes from_client(const test::Mac& router, std::uint8_t proto, std::uint16_t port,
                  std::optional<std::uint16_t> vlan = {}, std::uint8_t flags = test::kSyn) {
  const test::Ethernet ethernet{.dst = kWanMac, .src = router, .vlan = vlan};
  if (proto == kProtoUdp) {
    return test::udp_frame(ethernet, client_to_vip(),
                           {.sport = port, .dport = 80, .payload = pattern(18)});
  }
  return test::tcp_frame(ethernet, client_to_vip(),
                         {.sport = port, .dport = 80, .seq = 100, .ack = 200, .flags = flags});
}

// What the server pushes, as it goes to the client.
Bytes to_client(const test::Ethernet& ethernet, std::uint8_t proto, std::uint16_t port) {
  const test::Ipv4 ip{.src = kVip, .dst = kClient, .ttl = 63};
  if (proto == kProtoUdp) {
    return test::udp_frame(ethernet, ip, {.sport = 80, .dport = port, .payload = pattern(18)});
  }
  return test::tcp_frame(ethernet, ip,
                         {.sport = 80,
                          .dport = port,
                          .seq = 200,
                          .ack = 101,
                          .flags = test::kAck,
                          .payload = pattern(18)});
}

class Hops : public testing::TestWithParam<std::uint8_t> {
 protected:
  // The n-th connection, established, behind a router.
  void open(std::uint16_t port, const test::Mac& router, std::optional<std::uint16_t> vlan = {}) {
    ASSERT_EQ(world.send(kWan, from_client(router, proto, port, vlan)).verdict, Verdict::kForward);
    if (proto == kProtoTcp) {
      world.send(kLan, server_tcp(test::kSyn | test::kAck, {}, port, server()));
      world.send(kWan, from_client(router, proto, port, vlan, test::kAck));
    }
    ++opened;
  }
  Be32 server() const { return opened % 2 == 0 ? kServer1 : kServer2; }
  // Of the first connection, the server's next data.
  Output push(std::uint16_t port, Be32 from = kServer1) {
    if (proto == kProtoTcp) {
      return world.send(kLan, server_tcp(test::kAck, pattern(18), port, from));
    }
    return world.send(
        kLan, test::udp_frame({.dst = kLanMac, .src = kServer1Mac}, {.src = from, .dst = kClient},
                              {.sport = 80, .dport = port, .payload = pattern(18)}));
  }
  void expect_pushed(std::uint16_t port, const test::Ethernet& ethernet, unsigned egress = kWan,
                     Be32 from = kServer1) {
    const Output out = push(port, from);
    ASSERT_EQ(out.verdict, Verdict::kForward);
    EXPECT_EQ(out.egress, egress);
    EXPECT_EQ(out.frame, to_client(ethernet, proto, port));
  }

  const std::uint8_t proto = GetParam();
  Scene world{Mode::kNat, proto};
  unsigned opened = 0;
};

TEST_P(Hops, LeadToTheNewMacOfTheRouterWhileTheClientIsSilent) {
  open(40'000, kRouterMac);
  open(40'001, kOtherRouterMac);
  expect_pushed(40'000, {.dst = kRouterMac, .src = kWanMac});
  EXPECT_TRUE(world.move_hops({{at(kRouterMac), at(kNewRouterMac)}}));
  for (int i = 0; i < 2; ++i) expect_pushed(40'000, {.dst = kNewRouterMac, .src = kWanMac});
  // Connections behind other routers stay where they are.
  expect_pushed(40'001, {.dst = kOtherRouterMac, .src = kWanMac}, kWan, kServer2);
  // And again.
  EXPECT_TRUE(world.move_hops({{at(kNewRouterMac), at(kRouterMac)}}));
  expect_pushed(40'000, {.dst = kRouterMac, .src = kWanMac});
  EXPECT_EQ(world.counter(&WorkerCounters::dropped), 0U);
}

TEST_P(Hops, AreOfOneVlan) {
  open(40'000, kRouterMac, 7);
  open(40'001, kRouterMac, 8);
  EXPECT_FALSE(world.move_hops({{at(kRouterMac), at(kNewRouterMac)}})) << "nobody is untagged";
  EXPECT_TRUE(world.move_hops({{at(kRouterMac, kWan, 7), at(kNewRouterMac, kWan, 7)}}));
  expect_pushed(40'000, {.dst = kNewRouterMac, .src = kWanMac, .vlan = 7});
  expect_pushed(40'001, {.dst = kRouterMac, .src = kWanMac, .vlan = 8}, kWan, kServer2);
}

// The router's cable is in another port now, and that port is untagged.
TEST_P(Hops, LeadToAnotherPort) {
  open(40'000, kRouterMac, 7);
  EXPECT_TRUE(world.move_hops({{at(kRouterMac, kWan, 7), at(kRouterMac, kLan)}}));
  expect_pushed(40'000, {.dst = kRouterMac, .src = kLanMac}, kLan);
}

TEST_P(Hops, ChangePlaces) {
  open(40'000, kRouterMac);
  open(40'001, kOtherRouterMac);
  world.move_hops({{at(kRouterMac), at(kOtherRouterMac)}, {at(kOtherRouterMac), at(kRouterMac)}});
  expect_pushed(40'000, {.dst = kOtherRouterMac, .src = kWanMac});
  expect_pushed(40'001, {.dst = kRouterMac, .src = kWanMac}, kWan, kServer2);
}

// It was under way when the router failed, or the old router goes on and the client is behind it.
TEST_P(Hops, FollowALatePacketFromTheOldMac) {
  open(40'000, kRouterMac);
  open(40'001, kRouterMac);
  world.move_hops({{at(kRouterMac), at(kNewRouterMac)}});
  world.send(kWan, from_client(kRouterMac, proto, 40'001, {}, test::kAck));
  expect_pushed(40'000, {.dst = kNewRouterMac, .src = kWanMac});
  expect_pushed(40'001, {.dst = kRouterMac, .src = kWanMac}, kWan, kServer2);
  world.send(kWan, from_client(kNewRouterMac, proto, 40'001, {}, test::kAck));
  expect_pushed(40'001, {.dst = kNewRouterMac, .src = kWanMac}, kWan, kServer2);
}

TEST_P(Hops, CarryIcmpErrorsToo) {
  open(40'000, kRouterMac);
  const Output sent = world.send(kWan, from_client(kRouterMac, proto, 40'000, {}, test::kAck));
  world.move_hops({{at(kRouterMac), at(kNewRouterMac)}});
  const Bytes quoted(sent.frame.begin() + 14, sent.frame.end());
  const Output error =
      world.send(kLan, test::icmp_frame({.dst = kLanMac, .src = kServer1Mac},
                                        {.src = kServer1, .dst = kClient},
                                        {.type = 3, .code = 3, .payload = quoted}));
  ASSERT_EQ(error.verdict, Verdict::kForward);
  EXPECT_TRUE(std::equal(kNewRouterMac.begin(), kNewRouterMac.end(), error.frame.begin()));
}

INSTANTIATE_TEST_SUITE_P(Protocols, Hops, testing::Values(kProtoTcp, kProtoUdp),
                         [](const auto& row) { return row.param == kProtoTcp ? "Tcp" : "Udp"; });

TEST(HopsOfProbes, LeadToTheNewMac) {
  Scene world(Mode::kNat);
  world.send(kWan, client_tcp(test::kSyn));
  world.send(kLan, server_tcp(test::kSyn | test::kAck));
  world.send(kWan, client_tcp(test::kAck));
  world.move_hops({{at(kRouterMac), at(kNewRouterMac)}});
  world.rs(0).up = false;
  world.apply();
  const auto probes = world.advance(0);
  ASSERT_EQ(probes.size(), 1U);
  EXPECT_EQ(probes[0].hop, at(kNewRouterMac));
}

TEST(HopsOfOnePacketServices, LeadToTheNewMac) {
  Scene world(Mode::kNat, kProtoUdp);
  world.spec.services[0].one_packet = true;
  world.apply();
  world.send(kWan, client_frame(kProtoUdp, 40'000, 0));
  world.move_hops({{at(kRouterMac), at(kNewRouterMac)}});
  const Output out = world.send(kLan, server_frame(kProtoUdp, 40'000, 0, 0));
  ASSERT_EQ(out.verdict, Verdict::kForward);
  EXPECT_EQ(out.frame, to_client({.dst = kNewRouterMac, .src = kWanMac}, kProtoUdp, 40'000));
}

// ---- a full table

test::Mac stranger(unsigned n) {
  return {6, 0, 0, 0, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)};
}

// On the local network is a machine that sends each packet from another MAC address.
class FullHops : public testing::Test {
 protected:
  // Until many of them were refused.
  void fill() {
    for (unsigned n = 0; world.dropped(DropReason::hop_table_full) < 100; ++n) {
      ASSERT_LT(n, 2'500U);
      send_from(stranger(n), n);
    }
  }
  // A MAC address that finds no room.
  test::Mac refused() {
    for (unsigned n = 10'000;; ++n) {
      if (send_from(stranger(n), n).verdict == Verdict::kDrop) return stranger(n);
    }
  }
  // A datagram of the n-th of many clients.
  Output send_from(const test::Mac& mac, unsigned n) {
    return world.send(kWan, test::udp_frame({.dst = kWanMac, .src = mac},
                                            {.src = Be32::from_host(0xc6120000 + n), .dst = kVip},
                                            {.sport = 1'000, .dport = 80, .payload = pattern(18)}));
  }
  Output push(std::uint16_t port) { return world.send(kLan, server_frame(kProtoUdp, port, 0, 0)); }

  Scene world{Mode::kNat, kProtoUdp, {.max_connections = 2048}};
};

TEST_F(FullHops, ServeTheClientsBehindKnownRouters) {
  world.send(kWan, client_frame(kProtoUdp, 40'000, 0));
  fill();
  const std::uint64_t refused_before = world.dropped(DropReason::hop_table_full);
  for (std::uint16_t port = 40'001; port < 40'020; ++port) {
    EXPECT_EQ(world.send(kWan, client_frame(kProtoUdp, port, 0)).verdict, Verdict::kForward);
  }
  EXPECT_EQ(push(40'000).frame, to_client({.dst = kRouterMac, .src = kWanMac}, kProtoUdp, 40'000));
  // Its router fails over; new clients come from there.
  world.move_hops({{at(kRouterMac), at(kNewRouterMac)}});
  world.advance(0);
  EXPECT_EQ(push(40'000).frame,
            to_client({.dst = kNewRouterMac, .src = kWanMac}, kProtoUdp, 40'000));
  EXPECT_EQ(world.send(kWan, from_client(kNewRouterMac, kProtoUdp, 41'000)).verdict,
            Verdict::kForward);
  EXPECT_EQ(world.dropped(DropReason::hop_table_full), refused_before);
  EXPECT_EQ(world.counter(&WorkerCounters::client_hops_kept), 0U);
}

TEST_F(FullHops, KeepTheHopOfAConnectionWhoseNewOneHasNoRoom) {
  world.send(kWan, client_frame(kProtoUdp, 40'000, 0));
  fill();
  EXPECT_EQ(world.send(kWan, from_client(refused(), kProtoUdp, 40'000)).verdict, Verdict::kForward);
  EXPECT_EQ(world.counter(&WorkerCounters::client_hops_kept), 1U);
  EXPECT_EQ(push(40'000).frame, to_client({.dst = kRouterMac, .src = kWanMac}, kProtoUdp, 40'000));
}

TEST_F(FullHops, AreRefusedToDatagramsOfOnePacketServices) {
  fill();
  world.spec.services[0].one_packet = true;
  world.apply();
  const std::uint64_t before = world.dropped(DropReason::hop_table_full);
  for (unsigned n = 10'000; world.dropped(DropReason::hop_table_full) == before; ++n) {
    ASSERT_LT(n, 11'000U);
    send_from(stranger(n), n);
  }
}

TEST_F(FullHops, AreFreedWhenTheirConnectionsEnd) {
  world.send(kWan, client_frame(kProtoUdp, 40'000, 0));
  fill();
  const HopTable& hops = world.table().hops();
  EXPECT_TRUE(hops.is_crowded());
  // The strangers' connections end, and the next pass finds their hops.
  for (int i = 0; i < 5; ++i) {
    world.advance(20'000);
    world.send(kWan, client_frame(kProtoUdp, 40'000, 0));
  }
  EXPECT_EQ(world.connections(), 1U);
  EXPECT_FALSE(hops.is_crowded());
  EXPECT_LE(hops.used(), hops.size() / 2);
  EXPECT_EQ(push(40'000).frame, to_client({.dst = kRouterMac, .src = kWanMac}, kProtoUdp, 40'000));
  const std::uint64_t before = world.dropped(DropReason::hop_table_full);
  for (unsigned n = 5'000; n < 5'300; ++n) send_from(stranger(n), n);
  EXPECT_EQ(world.dropped(DropReason::hop_table_full), before);
}

// Return paths of one-packet services keep their hops as connections do.
TEST_F(FullHops, AreKeptForReturnPaths) {
  world.spec.services[0].one_packet = true;
  world.apply();
  world.send(kWan, client_frame(kProtoUdp, 40'000, 0));
  fill();
  for (int i = 0; i < 3; ++i) world.advance(20'000);
  EXPECT_EQ(push(40'000).frame, to_client({.dst = kRouterMac, .src = kWanMac}, kProtoUdp, 40'000));
}

// ---- a pair

TEST(HopsOfAPair, MoveAtThePeerToo) {
  for (const std::size_t offer : {kNatTcp, kNatUdp}) {
    Director master(Director::Kind::kFirst);
    Director standby(Director::Kind::kSecond);
    master.set_master(true);
    standby.set_master(false);
    master.join();
    establish(master, offer, 40'000);
    const auto sync = [&] {
      std::string batch;
      while (master.fill(batch, batch.size() + (std::size_t{1} << 20)).more) {
      }
      ASSERT_TRUE(standby.receive_from(master, batch));
    };
    sync();
    const auto wan = [](const Director& director) { return director.port(kWan); };
    EXPECT_EQ(standby.rows().at(key_of(offer, 40'000)).client_hop, at(kRouterMac, 0));
    master.advance(20'000);  // two walks of the table are not sent at once
    master.move_hops({{at(kRouterMac, wan(master)), at(kNewRouterMac, wan(master))}});
    sync();
    EXPECT_EQ(standby.rows().at(key_of(offer, 40'000)).client_hop, at(kNewRouterMac, 0));
    // By the standby's own neighbours.
    standby.move_hops({{at(kNewRouterMac, wan(standby)), at(kOtherRouterMac, wan(standby))}});
    standby.set_master(true);
    const unsigned server = server_of(standby, offer, 40'000);
    const Output out = standby.from_server(offer, server, 40'000, test::kAck, pattern(10));
    ASSERT_EQ(out.verdict, Verdict::kForward);
    EXPECT_EQ(out.egress, kWan);
    EXPECT_TRUE(std::equal(kOtherRouterMac.begin(), kOtherRouterMac.end(), out.frame.begin()));
  }
}

TEST(HopsOfAPair, AreRefusedToThePeersConnectionsWhenThereIsNoRoom) {
  Director standby(Director::Kind::kSecond, {.max_connections = 2048});
  standby.set_master(false);
  std::vector<SyncEntry> entries;
  for (unsigned n = 0; n < 2'000; ++n) {
    SyncEntry entry;
    entry.proto = kProtoUdp;
    entry.tuple = tuple_of(kNatUdp, static_cast<std::uint16_t>(10'000 + n));
    entry.state = ConnState::kUdp;
    entry.rs_address = kOffer[kNatUdp].servers[0];
    entry.rs_port = Be16::from_host(8'080);
    entry.client_hop = at(stranger(n), standby.port(kWan));
    entries.push_back(entry);
  }
  standby.receive(entries);
  const std::uint64_t refused = standby.imported(ImportOutcome::hop_table_full);
  EXPECT_GT(refused, 0U);
  EXPECT_EQ(standby.imported(ImportOutcome::created) + refused, entries.size());
}

}  // namespace
}  // namespace lb::golden
