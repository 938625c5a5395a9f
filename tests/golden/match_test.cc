// Services with several addresses and ranges of ports, and real servers that keep the port.
#include <gtest/gtest.h>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kSyn;

Ipv4EndpointRange range(const char* text) {
  return *Ipv4EndpointRange::parse(text);
}

Bytes client_syn(const char* vip, std::uint16_t port, std::uint16_t sport = 40'000,
                 std::uint8_t flags = kSyn) {
  return test::tcp_frame(from_router(), {.src = kClient, .dst = test::ip(vip), .ttl = 60},
                         {.sport = sport, .dport = port, .seq = 100, .flags = flags});
}

// Where a frame leads: the real server's address and port, or "punted".
std::string target_of(const Output& out) {
  if (out.verdict != Verdict::kForward) return out.verdict == Verdict::kPunt ? "punted" : "dropped";
  const auto byte = [&out](std::size_t i) { return std::to_string(out.frame[14 + i]); };
  const unsigned port = out.frame[14 + 22] * 256u + out.frame[14 + 23];
  return byte(16) + "." + byte(17) + "." + byte(18) + "." + byte(19) + ":" + std::to_string(port);
}

// "web" offers all this by one server that keeps ports; "one" has a port in its midst.
class Ranges : public Scene {
 public:
  explicit Ranges(Mode mode = Mode::kNat, const WorldOptions& options = {})
      : Scene(mode, kProtoTcp, options) {
    ServiceSpec& web = spec.services[0];
    web.addresses = {range("192.0.2.10:8000-8100"), range("192.0.2.10:80"), range("192.0.2.11:*")};
    web.real_servers = {server("10.0.0.11:1", kServer1Mac)};
    web.real_servers[0].address.port = 0;
    ServiceSpec one = spec.services[0];
    one.name = "one";
    one.addresses = {test::single("192.0.2.10:8000")};
    one.real_servers = {server("10.0.0.12:8000", kServer2Mac)};
    spec.services.push_back(one);
    apply();
  }
};

TEST(Match, APortOfARangeLeadsToItsService) {
  Ranges world;
  EXPECT_EQ(target_of(world.send(kWan, client_syn("192.0.2.10", 8001))), "10.0.0.11:8001");
  EXPECT_EQ(target_of(world.send(kWan, client_syn("192.0.2.10", 8100))), "10.0.0.11:8100");
  EXPECT_EQ(target_of(world.send(kWan, client_syn("192.0.2.10", 80))), "10.0.0.11:80");
  EXPECT_EQ(target_of(world.send(kWan, client_syn("192.0.2.11", 1))), "10.0.0.11:1");
  EXPECT_EQ(target_of(world.send(kWan, client_syn("192.0.2.11", 65'535))), "10.0.0.11:65535");
  EXPECT_EQ(target_of(world.send(kWan, client_syn("192.0.2.10", 8101))), "punted");
  EXPECT_EQ(target_of(world.send(kWan, client_syn("192.0.2.10", 7999))), "punted");
  EXPECT_EQ(target_of(world.send(kWan, client_syn("192.0.2.12", 80))), "punted");
}

TEST(Match, ASinglePortWinsOverTheRangeAroundIt) {
  Ranges world;
  EXPECT_EQ(target_of(world.send(kWan, client_syn("192.0.2.10", 8000))), "10.0.0.12:8000");
}

TEST(Match, TheServersAnswerComesBackFromThePortThatWasAsked) {
  Ranges world;
  const Output to_server = world.send(kWan, client_syn("192.0.2.11", 4711));
  EXPECT_EQ(test::verify(to_server.frame), "");
  const Output back = world.send(
      kLan, test::tcp_frame({.dst = kLanMac, .src = kServer1Mac}, {.src = kServer1, .dst = kClient},
                            {.sport = 4711, .dport = 40'000, .flags = kSyn | kAck}));
  ASSERT_EQ(back.verdict, Verdict::kForward);
  EXPECT_EQ(test::verify(back.frame), "");
  EXPECT_EQ(Bytes(back.frame.begin() + 26, back.frame.begin() + 30), (Bytes{192, 0, 2, 11}));
  EXPECT_EQ(back.frame[34] * 256 + back.frame[35], 4711);
}

TEST(Match, OneClientPortToTwoPortsIsTwoConnections) {
  Ranges world;
  for (const std::uint16_t port : std::initializer_list<std::uint16_t>{8001, 8002, 8003}) {
    EXPECT_EQ(world.send(kWan, client_syn("192.0.2.10", port)).verdict, Verdict::kForward);
  }
  EXPECT_EQ(world.connections(), 3u);
}

TEST(Match, SeveralPortsMayLeadToOneOfTheServers) {
  Ranges world;
  world.rs(0).address.port = 8080;
  world.apply();
  EXPECT_EQ(target_of(world.send(kWan, client_syn("192.0.2.10", 8001, 40'001))), "10.0.0.11:8080");
  EXPECT_EQ(target_of(world.send(kWan, client_syn("192.0.2.11", 9, 40'002))), "10.0.0.11:8080");
}

TEST(Match, DirectReturnKeepsAddressAndPort) {
  Ranges world(Mode::kDr);
  const Output out = world.send(kWan, client_syn("192.0.2.11", 4711));
  EXPECT_EQ(target_of(out), "192.0.2.11:4711");
  EXPECT_TRUE(std::equal(kServer1Mac.begin(), kServer1Mac.end(), out.frame.begin()));
}

// More addresses behind the first one change nothing of what is there.
TEST(Match, AServiceIsTheSameAsLongAsItsFirstAddressIs) {
  Ranges world;
  world.send(kWan, client_syn("192.0.2.10", 8001));
  const auto server_slot = [&world] {
    const Snapshot& now = world.snapshot();
    const std::uint32_t service =
        now.find_service(test::ip("192.0.2.10"), Be16::from_host(8001), kProtoTcp);
    return now.services.at(service).real_servers.at(0);
  };
  const std::uint32_t slot = server_slot();
  ServiceSpec& web = world.spec.services[0];
  web.name = "shop";
  web.addresses = {range("192.0.2.10:8000-8100"), range("192.0.2.13:443")};
  world.apply();
  EXPECT_EQ(server_slot(), slot);
  EXPECT_EQ(target_of(world.send(kWan, client_syn("192.0.2.13", 443))), "10.0.0.11:443");
  EXPECT_EQ(target_of(world.send(kWan, client_syn("192.0.2.10", 8001, 40'000, kAck))),
            "10.0.0.11:8001");
  EXPECT_EQ(target_of(world.send(kWan, client_syn("192.0.2.11", 80))), "punted");
}

// ---- and the HA peer

struct RangesPair {
  RangesPair() {
    set(first, true);
    set(second, false);
    first.join();
  }
  static void set(Ranges& director, bool master) {
    for (ServiceSpec& service : director.spec.services) service.standby = !master;
    director.apply();
  }
  Ranges first{Mode::kNat, {.peer = true}};
  Ranges second{Mode::kNat, {.peer = true}};
};

TEST(Match, PeerTakesOverConnectionsOfRanges) {
  RangesPair pair;
  for (const std::uint16_t port : std::initializer_list<std::uint16_t>{80, 8000, 8001, 8100}) {
    pair.first.send(kWan, client_syn("192.0.2.10", port));
    const Be32 server = port == 8000 ? kServer2 : kServer1;
    pair.first.send(
        kLan, test::tcp_frame({.dst = kLanMac, .src = kServer1Mac}, {.src = server, .dst = kClient},
                              {.sport = port, .dport = 40'000, .flags = kSyn | kAck}));
    pair.first.send(kWan, client_syn("192.0.2.10", port, 40'000, kAck));
  }
  pair.second.receive(pair.first.exported());
  ASSERT_EQ(pair.second.connections(), 4u);
  RangesPair::set(pair.second, true);
  EXPECT_EQ(target_of(pair.second.send(kWan, client_syn("192.0.2.10", 8001, 40'000, kAck))),
            "10.0.0.11:8001");
  EXPECT_EQ(target_of(pair.second.send(kWan, client_syn("192.0.2.10", 8000, 40'000, kAck))),
            "10.0.0.12:8000");
  const Output back = pair.second.send(
      kLan, test::tcp_frame({.dst = kLanMac, .src = kServer1Mac}, {.src = kServer1, .dst = kClient},
                            {.sport = 8100, .dport = 40'000, .flags = kAck}));
  ASSERT_EQ(back.verdict, Verdict::kForward);
  EXPECT_EQ(test::verify(back.frame), "");
}

// The first port of "web" is another service's: a walk names it by one that is its own.
TEST(Match, AWalkSweepsTheServiceThatItNames) {
  RangesPair pair;
  for (const std::uint16_t port : std::initializer_list<std::uint16_t>{8000, 8001}) {
    pair.first.send(kWan, client_syn("192.0.2.10", port));
    const Be32 server = port == 8000 ? kServer2 : kServer1;
    pair.first.send(
        kLan, test::tcp_frame({.dst = kLanMac, .src = kServer1Mac}, {.src = server, .dst = kClient},
                              {.sport = port, .dport = 40'000, .flags = kSyn | kAck}));
    pair.first.send(kWan, client_syn("192.0.2.10", port, 40'000, kAck));
  }
  pair.second.receive(pair.first.exported());
  ASSERT_EQ(pair.second.connections(), 2u);
  // Started again, it is master of "web" alone.
  Ranges anew(Mode::kNat, {.peer = true});
  anew.spec.services[1].standby = true;
  anew.apply();
  anew.join();
  pair.second.receive(anew.exported());
  EXPECT_EQ(pair.second.connections(), 1u);
  RangesPair::set(pair.second, true);
  EXPECT_EQ(target_of(pair.second.send(kWan, client_syn("192.0.2.10", 8000, 40'000, kAck))),
            "10.0.0.12:8000");
}

}  // namespace
}  // namespace lb::golden
