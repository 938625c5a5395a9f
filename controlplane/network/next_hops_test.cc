// NextHops against the real kernel, in a namespace of our own. Neighbours and routes are set by the
// test as ARP and a routing daemon would.
#include "controlplane/network/next_hops.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <optional>

#include "controlplane/netlink/monitor.h"
#include "controlplane/os/test_namespace.h"

namespace lb::controlplane {
namespace {

using test::shell;

const Address kServer = Ipv4Address::from_host(0x0a00000b);     // 10.0.0.11
const Address kFarServer = Ipv4Address::from_host(0xc6336407);  // 198.51.100.7

class NextHopsInKernel : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::enter_new_namespace()) GTEST_SKIP() << "needs root";
    shell(
        "ip link add lan type veth peer name peer && ip link set peer up && ip link set lan up &&"
        " ip addr add 10.0.0.1/24 dev lan && ip route add 198.51.100.0/24 via 10.0.0.2");
    requests.emplace(netlink::Requests::open().value());
    monitor.emplace(io, *requests, [this](const auto& changes) { next_hops->on_change(changes); });
    const std::vector<Interface> interfaces = {{"lan", "port0", 0, 1500, {}}};
    next_hops.emplace(
        io, *requests, monitor->state(), interfaces,
        NextHops::Events{.changed = [this] { ++times_changed; },
                         .moved =
                             [this](const Address& neighbour, const std::string& text) {
                               moves.push_back(neighbour.to_string() + ' ' + text);
                             }});
    ASSERT_TRUE(monitor->start());
    next_hops->add(kServer, std::nullopt);
    next_hops->add(kFarServer, std::nullopt);
  }

  bool wait(const std::function<bool()>& done) { return test::run_until(io, done); }
  std::string mac_of(Address destination) {
    const auto hop = next_hops->table().find(destination);
    return hop ? hop->port + " " + hop->mac.to_string() : "";
  }

  boost::asio::io_context io;
  std::optional<netlink::Requests> requests;
  std::optional<netlink::Monitor> monitor;
  std::vector<std::string> moves;
  std::optional<NextHops> next_hops;
  int times_changed = 0;
};

TEST_F(NextHopsInKernel, FindAndFollowTheMacOfAServer) {
  shell("ip neigh replace 10.0.0.11 lladdr 02:00:00:00:00:11 dev lan nud reachable");
  EXPECT_TRUE(wait([&] { return mac_of(kServer) == "port0 02:00:00:00:00:11"; }));
  const int before = times_changed;
  shell("ip neigh replace 10.0.0.11 lladdr 02:00:00:00:00:99 dev lan nud reachable");
  EXPECT_TRUE(wait([&] { return mac_of(kServer) == "port0 02:00:00:00:00:99"; }));
  EXPECT_GT(times_changed, before);
  EXPECT_EQ(mac_of(kFarServer), "");
}

TEST_F(NextHopsInKernel, FollowAGatewayThatMoves) {
  shell("ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev lan nud reachable");
  EXPECT_TRUE(wait([&] { return mac_of(kFarServer) == "port0 02:00:00:00:00:02"; }));
  EXPECT_FALSE(next_hops->table().direct(kFarServer));
  shell("ip route replace 198.51.100.0/24 via 10.0.0.3");
  EXPECT_TRUE(wait([&] {
    return next_hops->table().route(kFarServer)->address == Ipv4Address::from_host(0x0a000003);
  }));
  EXPECT_EQ(mac_of(kFarServer), "port0 02:00:00:00:00:02");
  shell("ip neigh replace 10.0.0.3 lladdr 02:00:00:00:00:03 dev lan nud reachable");
  EXPECT_TRUE(wait([&] { return mac_of(kFarServer) == "port0 02:00:00:00:00:03"; }));
}

TEST_F(NextHopsInKernel, ReportAMoveWithBothMacs) {
  shell("ip neigh replace 10.0.0.11 lladdr 02:00:00:00:00:11 dev lan nud reachable");
  ASSERT_TRUE(wait([&] { return mac_of(kServer) == "port0 02:00:00:00:00:11"; }));
  EXPECT_TRUE(moves.empty());
  shell("ip neigh replace 10.0.0.11 lladdr 02:00:00:00:00:66 dev lan nud reachable");
  ASSERT_TRUE(wait([&] { return mac_of(kServer) == "port0 02:00:00:00:00:66"; }));
  EXPECT_EQ(moves, std::vector<std::string>{
                       "10.0.0.11 on port0, from 02:00:00:00:00:11 to 02:00:00:00:00:66"});
}

TEST_F(NextHopsInKernel, IgnoreOtherMacsThanTheConfiguredOne) {
  next_hops->set_fixed({{kServer, MacAddress::parse("02:00:00:00:00:11").value()}});
  shell("ip neigh replace 10.0.0.11 lladdr 02:00:00:00:00:66 dev lan nud reachable");
  shell("ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev lan nud reachable");
  ASSERT_TRUE(wait([&] { return mac_of(kFarServer) != ""; }));
  EXPECT_EQ(mac_of(kServer), "");
  shell("ip neigh replace 10.0.0.11 lladdr 02:00:00:00:00:11 dev lan nud permanent");
  EXPECT_TRUE(wait([&] { return mac_of(kServer) == "port0 02:00:00:00:00:11"; }));
}

TEST_F(NextHopsInKernel, UseAKnownNeighbourOfANewRoute) {
  shell("ip neigh replace 10.0.0.9 lladdr 02:00:00:00:00:09 dev lan nud reachable");
  shell("ip route replace 198.51.100.0/24 via 10.0.0.9");
  EXPECT_TRUE(wait([&] { return mac_of(kFarServer) == "port0 02:00:00:00:00:09"; }));
}

TEST_F(NextHopsInKernel, SurviveALostInterface) {
  shell("ip neigh replace 10.0.0.11 lladdr 02:00:00:00:00:11 dev lan nud reachable");
  ASSERT_TRUE(wait([&] { return mac_of(kServer) == "port0 02:00:00:00:00:11"; }));
  shell("ip link del lan");
  ASSERT_TRUE(wait([&] { return !next_hops->table().route(kServer); }));
  EXPECT_EQ(mac_of(kServer), "port0 02:00:00:00:00:11");
  shell(
      "ip link add lan type veth peer name peer && ip link set peer up && ip link set lan up &&"
      " ip addr add 10.0.0.1/24 dev lan");
  ASSERT_TRUE(wait([&] { return next_hops->table().route(kServer).has_value(); }));
  shell("ip neigh replace 10.0.0.11 lladdr 02:00:00:00:00:12 dev lan nud reachable");
  EXPECT_TRUE(wait([&] { return mac_of(kServer) == "port0 02:00:00:00:00:12"; }));
}

TEST_F(NextHopsInKernel, RefreshTheMacOfAnIdleServer) {
  // Nobody answers on the other end; that the kernel asks shows as an entry without a MAC.
  const auto asked = [&](Address address) {
    const int index = monitor->state().link("lan")->index;
    return monitor->state().neighbour({index, address}) != nullptr;
  };
  EXPECT_TRUE(wait([&] { return asked(kServer) && asked(Ipv4Address::from_host(0x0a000002)); }));
}

TEST_F(NextHopsInKernel, ReverifyAMacAndUseItMeanwhile) {
  shell("ip neigh replace 10.0.0.11 lladdr 02:00:00:00:00:11 dev lan nud reachable");
  ASSERT_TRUE(wait([&] { return mac_of(kServer) == "port0 02:00:00:00:00:11"; }));
  const int index = monitor->state().link("lan")->index;
  next_hops->reverify(kServer);
  EXPECT_TRUE(wait([&] {
    const auto* neighbour = monitor->state().neighbour({index, kServer});
    return neighbour == nullptr || neighbour->state == netlink::NeighbourState::kNone;
  }));
  EXPECT_EQ(mac_of(kServer), "port0 02:00:00:00:00:11");
}

TEST_F(NextHopsInKernel, IgnoreRoutesOverOtherInterfaces) {
  shell(
      "ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev lan nud reachable &&"
      " ip link add other type veth peer name opeer && ip link set opeer up &&"
      " ip link set other up && ip addr add 172.16.0.1/24 dev other");
  ASSERT_TRUE(wait([&] { return mac_of(kFarServer) != ""; }));
  shell("ip route replace 198.51.100.0/24 via 172.16.0.2");
  EXPECT_TRUE(wait([&] { return !next_hops->table().route(kFarServer); }));
}

}  // namespace
}  // namespace lb::controlplane
