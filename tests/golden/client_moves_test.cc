// What comes in a client's name by another port or VLAN than its connection leads its replies there
// only if the client may be there; and on the connection's own, only with the connection's numbers.
#include <gtest/gtest.h>

#include "tests/golden/director.h"
#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kRst;
using test::kSyn;
using test::pattern;

constexpr test::Mac kStrangerMac = {2, 0, 0, 0, 6, 6};
constexpr std::uint16_t kMovingPort = 40'000;
constexpr std::uint32_t kOutside = 1U << 30;  // out of every window

// Where a packet of the client's comes in, and from which machine.
struct Way {
  unsigned port = kWan;
  std::optional<std::uint16_t> vlan = {};
  test::Mac mac = kRouterMac;
};
constexpr Way kOtherVlan = {kWan, 7, kStrangerMac};
constexpr Way kOtherPort = {kLan, {}, kStrangerMac};
constexpr Way kOtherPortAndVlan = {kLan, 7, kStrangerMac};
constexpr Way kSamePlace = {kWan, {}, kStrangerMac};

struct Numbers {
  std::uint32_t seq = 101;
  std::uint32_t ack = 201;
  std::uint8_t flags = kAck;
};

class ClientMoves : public testing::TestWithParam<std::uint8_t> {
 protected:
  Bytes frame(const Way& way, const Numbers& numbers = {}) const {
    const test::Ethernet ethernet{
        .dst = way.port == kWan ? kWanMac : kLanMac, .src = way.mac, .vlan = way.vlan};
    if (proto == kProtoUdp) {
      return test::udp_frame(ethernet, client_to_vip(),
                             {.sport = kMovingPort, .dport = 80, .payload = pattern(18)});
    }
    return test::tcp_frame(ethernet, client_to_vip(),
                           {.sport = kMovingPort,
                            .dport = 80,
                            .seq = numbers.seq,
                            .ack = numbers.ack,
                            .flags = numbers.flags});
  }
  // Forwarded to the server in any case.
  void send(const Way& way, const Numbers& numbers = {}) {
    const Output out = world.send(way.port, frame(way, numbers));
    EXPECT_EQ(out.verdict, Verdict::kForward);
    EXPECT_EQ(out.egress, kLan);
  }
  void open(const Way& way = {}) {
    send(way, {.seq = 100, .ack = 0, .flags = kSyn});
    if (proto == kProtoUdp) return;
    world.send(kLan, server_tcp(kSyn | kAck));
    send(way);
  }
  void expect_replies_to(const Way& way) {
    const Output out = world.send(kLan, server_frame(proto, kMovingPort, kAck, 0));
    ASSERT_EQ(out.verdict, Verdict::kForward);
    EXPECT_EQ(out.egress, way.port);
    EXPECT_TRUE(std::equal(way.mac.begin(), way.mac.end(), out.frame.begin()));
    EXPECT_EQ(out.frame[12], way.vlan ? 0x81 : 0x08);
  }
  void expect_stays(const Way& way) {
    send(way);
    expect_replies_to({});
  }
  void add_route(const char* network, const char* port, std::uint16_t vlan = 0) {
    world.spec.source_routes.push_back({Prefix::parse(network).value(), port, vlan});
    world.apply();
  }

  const std::uint8_t proto = GetParam();
  Scene world{Mode::kNat, proto};
};

TEST_P(ClientMoves, AnotherPlaceLeadsNoReplies) {
  open();
  for (const Way& way : {kOtherVlan, kOtherPort, kOtherPortAndVlan}) expect_stays(way);
  EXPECT_EQ(world.counter(&WorkerCounters::dropped), 0U);
}

TEST_P(ClientMoves, TheRouteToTheClientLeadsThere) {
  open();
  add_route("198.51.100.0/24", "wan", 7);
  expect_stays(kOtherPort);
  send(kOtherVlan);
  expect_replies_to(kOtherVlan);
  send({});
  expect_replies_to(kOtherVlan);
}

TEST_P(ClientMoves, TheLongestRouteDecides) {
  open();
  add_route("0.0.0.0/0", "lan");
  add_route("198.51.100.0/24", "wan");
  expect_stays(kOtherPort);
}

TEST_P(ClientMoves, ItsPortHasNoLink) {
  open();
  world.set_link(kWan, false);
  send(kOtherPort);
  expect_replies_to(kOtherPort);
  world.set_link(kWan, true);
  send({});
  expect_replies_to(kOtherPort);
}

TEST_P(ClientMoves, ThePortTakesClientsOfOthers) {
  world.spec.port_policies = {{"lan", {7}, AntiSpoof::kOff, true}};
  world.apply();
  open();
  send(kOtherPort);
  expect_replies_to(kOtherPort);
  send({});
  expect_replies_to(kOtherPort);
  send(kOtherPortAndVlan);
  expect_replies_to(kOtherPortAndVlan);
}

TEST_P(ClientMoves, AnotherMachineOfTheSamePlaceLeadsThem) {
  open();
  send(kSamePlace);
  expect_replies_to(kSamePlace);
  send({});
  expect_replies_to({});
}

// Connections of the same client that are opened now begin where they are opened.
TEST_P(ClientMoves, EachConnectionHasItsOwnPlace) {
  open(kOtherVlan);
  expect_replies_to(kOtherVlan);
  send({});
  expect_replies_to(kOtherVlan);
}

INSTANTIATE_TEST_SUITE_P(Protocols, ClientMoves, testing::Values(kProtoTcp, kProtoUdp),
                         [](const auto& row) { return row.param == kProtoTcp ? "Tcp" : "Udp"; });

// ---- TCP: numbers

class ClientMovesTcp : public ClientMoves {};

TEST_P(ClientMovesTcp, NumbersOutOfTheWindowLeadNoReplies) {
  open();
  const Numbers forged[] = {{.seq = 101 + kOutside},
                            {.ack = 201 + kOutside},
                            {.seq = 101 + kOutside, .ack = 201 + kOutside},
                            {.seq = 101 + kOutside, .flags = kRst},
                            {.seq = 101 + kOutside, .flags = kSyn},
                            {.seq = 101 + kOutside, .flags = kFin | kAck},
                            {.ack = 201 + kOutside, .flags = kFin | kAck}};
  for (const Numbers& numbers : forged) {
    send(kSamePlace, numbers);
    expect_replies_to({});
  }
}

TEST_P(ClientMovesTcp, NumbersCountOnOtherPlacesToo) {
  open();
  add_route("0.0.0.0/0", "lan");
  send(kOtherPort, {.seq = 101 + kOutside});
  expect_replies_to({});
  send(kOtherPort);
  expect_replies_to(kOtherPort);
}

// Half-open, half-closed, closing: the numbers that are known then.
TEST_P(ClientMovesTcp, WhileTheHandshakeGoesOn) {
  send({}, {.seq = 100, .ack = 0, .flags = kSyn});
  send(kSamePlace, {.seq = 100, .ack = 0, .flags = kSyn});
  world.send(kLan, server_tcp(kSyn | kAck));
  expect_replies_to(kSamePlace);
  send({});
  expect_replies_to({});
}

TEST_P(ClientMovesTcp, AfterTheFin) {
  open();
  send({}, {.flags = kFin | kAck});
  send(kSamePlace, {.seq = 101 + kOutside});
  expect_replies_to({});
  send(kSamePlace, {.seq = 102});
  expect_replies_to(kSamePlace);
}

// The ports are used again by a client behind another router of the same network.
TEST_P(ClientMovesTcp, OfAConnectionThatIsOverASynLeadsThem) {
  open();
  send({}, {.flags = kRst});
  send(kSamePlace, {.seq = kNextIsn, .ack = 0, .flags = kSyn});
  const Output out = world.send(kLan, server_tcp(kSyn | kAck));
  ASSERT_EQ(out.verdict, Verdict::kForward);
  EXPECT_TRUE(std::equal(kStrangerMac.begin(), kStrangerMac.end(), out.frame.begin()));
}

// A fragment that follows says nothing of the sender.
TEST_P(ClientMovesTcp, LaterFragmentsLeadNoReplies) {
  open();
  const Bytes whole = test::tcp_frame(
      from_router(), client_to_vip(),
      {.sport = kMovingPort, .dport = 80, .seq = 101, .ack = 201, .payload = pattern(900)});
  std::vector<Bytes> parts = test::fragments(whole, 500);
  ASSERT_EQ(parts.size(), 2U);
  std::copy(kStrangerMac.begin(), kStrangerMac.end(), parts[1].begin() + 6);
  for (const Bytes& part : parts) {
    EXPECT_EQ(world.send(kWan, part).verdict, Verdict::kForward);
  }
  expect_replies_to({});
}

INSTANTIATE_TEST_SUITE_P(Protocols, ClientMovesTcp, testing::Values(kProtoTcp),
                         [](const auto&) { return "Tcp"; });

// After a takeover nothing is known until the server's first segment.
TEST(ClientMovesOfAPair, FollowOnceTheServerHasSent) {
  Director master(Director::Kind::kFirst);
  Director standby(Director::Kind::kSecond);
  master.set_master(true);
  standby.set_master(false);
  master.join();
  establish(master, kNatTcp, kMovingPort);
  std::string batch;
  while (master.fill(batch, batch.size() + (std::size_t{1} << 20)).more) {
  }
  ASSERT_TRUE(standby.receive_from(master, batch));
  standby.set_master(true);
  const unsigned server = server_of(standby, kNatTcp, kMovingPort);
  Bytes frame = Director::client_frame(kNatTcp, kMovingPort, kAck, {}, Director::kIsn + 1);
  std::copy(kStrangerMac.begin(), kStrangerMac.end(), frame.begin() + 6);
  for (const test::Mac& mac : {kRouterMac, kStrangerMac}) {
    EXPECT_EQ(standby.send(kWan, frame).verdict, Verdict::kForward);
    const Output out = standby.from_server(kNatTcp, server, kMovingPort, kAck, pattern(10));
    ASSERT_EQ(out.verdict, Verdict::kForward);
    EXPECT_TRUE(std::equal(mac.begin(), mac.end(), out.frame.begin()));
  }
}

// ---- services without connections

class ClientMovesOfDatagrams : public testing::Test {
 protected:
  ClientMovesOfDatagrams() {
    world.spec.services[0].one_packet = true;
    world.spec.source_routes = {{Prefix::parse("0.0.0.0/0").value(), "wan", 0}};
    world.apply();
  }
  void send(const Way& way) {
    const test::Ethernet ethernet{
        .dst = way.port == kWan ? kWanMac : kLanMac, .src = way.mac, .vlan = way.vlan};
    EXPECT_EQ(world
                  .send(way.port, test::udp_frame(ethernet, client_to_vip(),
                                                  {.sport = kMovingPort, .dport = 80}))
                  .verdict,
              Verdict::kForward);
  }
  void expect_replies_to(const Way& way) {
    const Output out = world.send(kLan, server_frame(kProtoUdp, kMovingPort, 0, 0));
    ASSERT_EQ(out.verdict, Verdict::kForward);
    EXPECT_EQ(out.egress, way.port);
    EXPECT_TRUE(std::equal(way.mac.begin(), way.mac.end(), out.frame.begin()));
  }
  Scene world{Mode::kNat, kProtoUdp};
};

TEST_F(ClientMovesOfDatagrams, AnotherPlaceLeadsNoReplies) {
  send({});
  for (const Way& way : {kOtherVlan, kOtherPort}) {
    send(way);
    expect_replies_to({});
  }
  send(kSamePlace);
  expect_replies_to(kSamePlace);
}

// A stranger who was first keeps nothing.
TEST_F(ClientMovesOfDatagrams, ThePlaceOfTheRouteWins) {
  send(kOtherPort);
  expect_replies_to(kOtherPort);
  send({});
  expect_replies_to({});
}

TEST_F(ClientMovesOfDatagrams, WithoutARouteTheLastPlaceCounts) {
  world.spec.source_routes.clear();
  world.apply();
  send({});
  send(kOtherVlan);
  expect_replies_to(kOtherVlan);
}

TEST_F(ClientMovesOfDatagrams, ItsPortHasNoLink) {
  send({});
  world.set_link(kWan, false);
  send(kOtherPort);
  expect_replies_to(kOtherPort);
}

}  // namespace
}  // namespace lb::golden
