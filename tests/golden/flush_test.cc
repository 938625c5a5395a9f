// Connections that an operator ends.
#include <gtest/gtest.h>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kSyn;

void open_connection(Scene& world, std::uint16_t port, unsigned worker = 0) {
  world.send(kWan, client_tcp(kSyn, {}, port), worker);
  for (const Be32 from : {kServer1, kServer2}) {
    world.send(kLan, server_tcp(kSyn | kAck, {}, port, from), worker);
  }
  world.send(kWan, client_tcp(kAck, {}, port), worker);
}

TEST(Flush, AnEstablishedConnectionIsProbedAndEnds) {
  Scene world(Mode::kNat);
  open_connection(world, 40'000);
  world.flush().begin({}, 1);
  EXPECT_FALSE(world.flush().done());
  const auto probes = world.advance(0);
  ASSERT_EQ(probes.size(), 1u);
  EXPECT_EQ(probes[0].tuple,
            (FlowTuple{kVip, kClient, Be16::from_host(80), Be16::from_host(40'000)}));
  EXPECT_EQ(probes[0].hop, ClientHop::make(kRouterMac.data(), 0, kWan));
  EXPECT_TRUE(world.flush().done());
  EXPECT_EQ(world.flush().ended(), 1u);
  EXPECT_EQ(world.connections(), 0u);
  EXPECT_EQ(world.active(world.rs_slot("10.0.0.11:80")), 0);
  EXPECT_EQ(world.send(kWan, client_tcp(kAck)).verdict, Verdict::kPunt) << "the kernel resets it";
  EXPECT_TRUE(world.advance(100).empty()) << "once";
}

TEST(Flush, HalfOpenAndUdpJustEnd) {
  Scene tcp(Mode::kNat);
  tcp.send(kWan, client_tcp(kSyn));
  tcp.flush().begin({}, 1);
  EXPECT_TRUE(tcp.advance(0).empty());
  EXPECT_EQ(tcp.connections(), 0u);
  Scene udp(Mode::kDr, kProtoUdp);
  udp.send(kWan, client_frame(kProtoUdp, 1'000, 0));
  udp.flush().begin({}, 1);
  EXPECT_TRUE(udp.advance(0).empty());
  EXPECT_EQ(udp.connections(), 0u);
}

TEST(Flush, OnlyWhatMatches) {
  Scene world(Mode::kNat);
  for (std::uint16_t port = 1'000; port < 1'010; ++port) open_connection(world, port);
  world.send(kWan, client_tcp(kSyn, {}, 2'000));
  const auto flushed = [&](auto&& set) {
    ConnMatch match;
    set(match);
    world.flush().begin(std::move(match), 1);
    world.advance(0);
    EXPECT_TRUE(world.flush().done());
    return world.flush().ended();
  };
  const auto to_first = [](std::uint16_t port) {
    return [port](ConnMatch& match) {
      match.by_real_server = true;
      match.real_server = kServer1;
      match.real_server_port = Be16::from_host(port);
    };
  };
  const auto of = [](Be32 client) {
    return [client](ConnMatch& match) {
      match.client = client;
      match.client_mask = ~0U;
      match.services = {true};
    };
  };
  EXPECT_EQ(flushed(of(test::ip("203.0.113.1"))), 0u);
  EXPECT_EQ(flushed([](ConnMatch& match) { match.services = {false, true}; }), 0u);
  EXPECT_EQ(flushed([](ConnMatch& match) { match.state = ConnState::kSynSent; }), 1u);
  EXPECT_EQ(flushed(to_first(81)), 0u);
  EXPECT_EQ(flushed(to_first(80)), 5u);
  EXPECT_EQ(flushed(of(kClient)), 5u);
  EXPECT_EQ(world.connections(), 0u);
}

TEST(Flush, RunsOnAllWorkers) {
  Scene world(Mode::kNat, kProtoTcp, {.workers = 2, .max_connections = 4'096});
  for (std::uint16_t port = 1'000; port < 3'000; ++port) open_connection(world, port, port % 2);
  world.flush().begin({}, 2);
  std::size_t probes = 0;
  for (int i = 0; i < 4; ++i) probes += world.advance(0).size();
  EXPECT_EQ(probes, 2'000u);
  EXPECT_TRUE(world.flush().done());
  EXPECT_EQ(world.flush().ended(), 2'000u);
}

TEST(Flush, IsExportedAndSparesTheMastersOnAStandby) {
  Scene master(Mode::kNat, kProtoTcp, {.peer = true});
  Scene standby(Mode::kNat, kProtoTcp, {.peer = true});
  standby.spec.services[0].standby = true;
  standby.apply();
  master.join();
  open_connection(master, 40'000);
  standby.receive(master.exported());
  ASSERT_EQ(standby.connections(), 1u);
  standby.flush().begin({}, 1);
  EXPECT_TRUE(standby.advance(0).empty());
  EXPECT_EQ(standby.connections(), 1u);
  master.flush().begin({}, 1);
  master.advance(0);
  standby.receive(master.exported());
  EXPECT_EQ(standby.connections(), 0u);
}

}  // namespace
}  // namespace lb::golden
