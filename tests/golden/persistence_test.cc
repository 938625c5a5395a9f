// Persistence: clients that stay with their real server.
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::ip;
using test::kAck;
using test::kSyn;

constexpr std::uint32_t kTicks = 100;  // 10 s

class Shop : public Scene {
 public:
  explicit Shop(std::uint8_t prefix = 32, Mode mode = Mode::kNat, std::uint8_t proto = kProtoTcp,
                const WorldOptions& options = {})
      : Scene(mode, proto, options) {
    spec.services[0].persistence = test::ticks(kTicks);
    spec.services[0].persistence_prefix = prefix;
    apply();
  }

  // A second service of a group with the first one, on another port.
  void add_tls() {
    spec.services[0].group = "shop";
    ServiceSpec tls = spec.services[0];
    tls.name = "tls";
    tls.addresses[0].first = tls.addresses[0].last = 443;
    for (RealServerSpec& rs : tls.real_servers) rs.address.port = 443;
    spec.services.push_back(tls);
    apply();
  }

  // The address of the real server that a new connection goes to; 0.0.0.0: nowhere.
  Be32 open(Be32 client, std::uint16_t port = 80, unsigned worker = 0) {
    const std::uint16_t sport = ++sport_;
    const Output out = send(kWan,
                            test::tcp_frame(from_router(), {.src = client, .dst = kVip},
                                            {.sport = sport, .dport = port, .flags = kSyn}),
                            worker);
    return out.verdict == Verdict::kForward ? server_of(client, sport) : Be32{};
  }
  Be32 server_of(Be32 client, std::uint16_t sport) const {
    for (std::uint32_t i = 0; i < table().records(); ++i) {
      ConnTable::Copy conn;
      if (!table().read(i, conn)) continue;
      if (conn.tuple[0].src == client && conn.tuple[0].sport.host() == sport) {
        return conn.tuple[1].src;
      }
    }
    return {};
  }
  // The last connection's handshake goes through.
  void establish(Be32 client, Be32 server) {
    send(kLan, test::tcp_frame({.dst = kLanMac}, {.src = server, .dst = client},
                               {.sport = 80, .dport = sport_, .flags = kSyn | kAck}));
    send(kWan, test::tcp_frame(from_router(), {.src = client, .dst = kVip},
                               {.sport = sport_, .dport = 80, .flags = kAck}));
  }

 private:
  std::uint16_t sport_ = 1'024;
};

const Be32 kOther = ip("203.0.113.9");

TEST(Persistence, AClientStaysWithItsServer) {
  Shop shop;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(shop.open(kClient), kServer1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(shop.open(kOther), kServer2);
  EXPECT_EQ(shop.open(ip("203.0.113.10")), kServer1) << "bound clients take nobody's turn";
  EXPECT_EQ(shop.persist().entries(), 3u);
}

TEST(Persistence, NothingIsBoundWithoutIt) {
  Scene scene(Mode::kNat);
  scene.send(kWan, client_tcp(kSyn));
  EXPECT_FALSE(scene.persist().ready()) << "no memory was taken";
}

TEST(Persistence, ClientsOfANetworkAreOne) {
  Shop shop(24);
  EXPECT_EQ(shop.open(ip("198.51.100.7")), kServer1);
  EXPECT_EQ(shop.open(ip("198.51.100.200")), kServer1);
  EXPECT_EQ(shop.open(ip("198.51.101.7")), kServer2);
}

TEST(Persistence, IsSharedByAllWorkers) {
  Shop shop(32, Mode::kNat, kProtoTcp, {.workers = 3});
  const Be32 first = shop.open(kClient, 80, 0);
  for (unsigned worker = 0; worker < 3; ++worker) EXPECT_EQ(shop.open(kClient, 80, worker), first);
}

TEST(Persistence, DirectReturnAndUdp) {
  Shop direct(32, Mode::kDr);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(direct.open(kClient), kServer1);
  Shop udp(32, Mode::kNat, kProtoUdp);
  for (std::uint16_t port = 1'000; port < 1'003; ++port) {
    udp.send(kWan, client_frame(kProtoUdp, port, 0));
    EXPECT_EQ(udp.server_of(kClient, port), kServer1);
  }
}

TEST(Persistence, ABurstOfOneClientGoesToOneServer) {
  Shop shop;
  std::vector<Bytes> burst;
  for (std::uint16_t port = 1'000; port < 1'008; ++port)
    burst.push_back(client_tcp(kSyn, {}, port));
  shop.send_burst(kWan, burst);
  EXPECT_EQ(shop.inactive(shop.rs_slot("10.0.0.11:80")), 8);
}

TEST(Persistence, TheTimeStartsAgainWithEachConnection) {
  Shop shop;
  shop.open(kClient);  // the first server; the next in turn is the second
  shop.advance(9'000);
  EXPECT_EQ(shop.open(kClient), kServer1);
  shop.advance(9'000);
  EXPECT_EQ(shop.open(kClient), kServer1);
  shop.advance(10'000);
  EXPECT_EQ(shop.persist().entries(), 0u);
  EXPECT_EQ(shop.open(kClient), kServer2);
}

TEST(Persistence, AnEstablishedConnectionKeepsItsClient) {
  Shop shop;
  shop.open(kClient);
  shop.establish(kClient, kServer1);
  for (int i = 0; i < 6; ++i) shop.advance(6'000);
  EXPECT_EQ(shop.open(kClient), kServer1);
}

TEST(Persistence, AClientOfADeadServerGetsAnotherForGood) {
  Shop shop;
  EXPECT_EQ(shop.open(kClient), kServer1);
  shop.rs(0).up = false;
  shop.apply();
  EXPECT_EQ(shop.open(kClient), kServer2);
  shop.rs(0).up = true;
  shop.apply();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(shop.open(kClient), kServer2);
}

TEST(Persistence, Weight0TurnsAwayNewClientsOnly) {
  Shop shop;
  EXPECT_EQ(shop.open(kClient), kServer1);
  shop.rs(0).weight = 0;
  shop.apply();
  EXPECT_EQ(shop.open(kClient), kServer1);
  EXPECT_EQ(shop.open(kOther), kServer2);
}

TEST(Persistence, DrainingServerTurnsAwayAllClients) {
  Shop shop;
  EXPECT_EQ(shop.open(kClient), kServer1);
  shop.rs(0).weight = 0;
  shop.rs(0).up = false;
  shop.rs(0).keep_connections = true;
  shop.apply();
  EXPECT_EQ(shop.open(kClient), kServer2);
}

TEST(Persistence, ARemovedServerIsForgotten) {
  Shop shop;
  EXPECT_EQ(shop.open(kClient), kServer1);
  shop.spec.services[0].real_servers.erase(shop.spec.services[0].real_servers.begin());
  shop.apply();
  EXPECT_EQ(shop.open(kClient), kServer2);
}

TEST(Persistence, OfNoServerNothingIsRemembered) {
  Shop shop;
  shop.rs(0).up = shop.rs(1).up = false;
  shop.apply();
  EXPECT_EQ(shop.open(kClient), Be32{});
  EXPECT_EQ(shop.dropped(DropReason::no_real_server), 1u);
  EXPECT_EQ(shop.persist().entries(), 0u);
}

// The key of its answers belongs to another service's connection.
TEST(Persistence, AClientWhosePortIsTakenGoesElsewhereOnce) {
  Shop shop;
  ServiceSpec second = shop.spec.services[0];
  second.name = "second";
  second.addresses = {test::single("192.0.2.11:80")};
  second.persistence = test::ticks(0);
  shop.spec.services.push_back(second);
  shop.apply();
  EXPECT_EQ(shop.open(kClient), kServer1);
  const auto to = [&](Be32 vip) {
    shop.send(kWan, test::tcp_frame(from_router(), {.src = kClient, .dst = vip},
                                    {.sport = 30'000, .dport = 80, .flags = kSyn}));
  };
  to(ip("192.0.2.11"));
  ASSERT_EQ(shop.server_of(kClient, 30'000), kServer1);
  to(kVip);
  EXPECT_EQ(shop.inactive(shop.rs_slot("10.0.0.12:80")), 1);
  EXPECT_EQ(shop.open(kClient), kServer1);
}

TEST(Persistence, AGroupSharesItsClients) {
  Shop shop;
  shop.add_tls();
  EXPECT_EQ(shop.open(kClient, 80), kServer1);
  EXPECT_EQ(shop.open(kClient, 443), kServer1);
  EXPECT_EQ(shop.open(kOther, 443), kServer1);
  EXPECT_EQ(shop.open(kOther, 80), kServer1);
  EXPECT_EQ(shop.persist().entries(), 2u);
}

TEST(Persistence, AServiceWithoutTheServerLeavesItsGroupAlone) {
  Shop shop;
  shop.add_tls();
  shop.spec.services[1].real_servers.erase(shop.spec.services[1].real_servers.begin());
  shop.apply();
  EXPECT_EQ(shop.open(kClient, 80), kServer1);
  EXPECT_EQ(shop.open(kClient, 443), kServer2);
  EXPECT_EQ(shop.open(kClient, 80), kServer1) << "still bound";
  // Then nobody of the group has it.
  shop.spec.services[0].real_servers.erase(shop.spec.services[0].real_servers.begin());
  shop.apply();
  EXPECT_EQ(shop.open(kClient, 80), kServer2);
}

TEST(Persistence, AServerDownForOneOfAGroupMovesItsClients) {
  Shop shop;
  shop.add_tls();
  EXPECT_EQ(shop.open(kClient, 80), kServer1);
  shop.spec.services[1].real_servers[0].up = false;
  shop.apply();
  EXPECT_EQ(shop.open(kClient, 443), kServer2);
  EXPECT_EQ(shop.open(kClient, 80), kServer2);
}

TEST(Persistence, OutlivesChangesOfTheConfiguration) {
  Shop shop;
  EXPECT_EQ(shop.open(kClient), kServer1);
  ServiceSpec first = shop.spec.services[0];
  first.name = "first";
  first.addresses[0].first = first.addresses[0].last = 8'080;
  shop.spec.services.insert(shop.spec.services.begin(), first);
  shop.spec.services[1].scheduler = Scheduler::kWlc;
  shop.apply();
  EXPECT_EQ(shop.open(kClient), kServer1);
  EXPECT_EQ(shop.open(kClient, 8'080), kServer1) << "by its own turn";
  EXPECT_EQ(shop.persist().entries(), 2u);
}

TEST(Persistence, AFloodOfNewClientsForgetsItself) {
  Shop shop(32, Mode::kNat, kProtoTcp, {.max_connections = 4'096, .max_persistence = 64});
  shop.open(kClient);
  shop.establish(kClient, kServer1);
  shop.advance(5'000);
  for (std::uint32_t n = 0; n < 1'000; ++n) shop.open(Be32::from_host(0x0b00'0000 + n));
  EXPECT_EQ(shop.persist().entries(), 64u);
  EXPECT_EQ(shop.open(kClient), kServer1);
}

}  // namespace
}  // namespace lb::golden
