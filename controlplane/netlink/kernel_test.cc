// The monitor, the requests and the announcer against the real kernel, in a namespace of our own.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "controlplane/netlink/announce.h"
#include "controlplane/netlink/monitor.h"
#include "controlplane/netlink/requests.h"
#include "controlplane/netlink/sysctl.h"
#include "controlplane/os/test_namespace.h"

namespace lb::netlink {
namespace {

using test::enter_new_namespace;
using test::run_until;
using test::shell;

Address ip(const char* text) {
  return Address::parse(text).value();
}

Prefix cidr(const char* text) {
  return Prefix::parse(text).value();
}

// Two ends of a cable: "wan" is ours, "peer" the other side's.
class Kernel : public testing::Test {
 protected:
  void SetUp() override {
    if (!enter_new_namespace()) GTEST_SKIP() << "needs root";
    shell("ip link add wan type veth peer name peer && ip link set peer up");
    requests.emplace(Requests::open().value());
    monitor.emplace(io, *requests, [this](const Changes& changes) {
      seen.links |= changes.links;
      seen.addresses |= changes.addresses;
      seen.routes |= changes.routes;
      seen.owned_route |= changes.owned_route;
      for (const NeighbourKey& key : changes.neighbours) seen.neighbours.push_back(key);
    });
    ASSERT_TRUE(monitor->start());
  }

  const Link& wan() { return *monitor->state().link("wan"); }
  bool wait(const std::function<bool()>& done) { return run_until(io, done); }
  bool has_address(const char* text) {
    return std::ranges::any_of(monitor->state().addresses(wan().index),
                               [&](const InterfaceAddress& a) { return a.prefix == cidr(text); });
  }
  void bring_up() {
    ASSERT_TRUE(requests->set_link(wan().index, true, std::nullopt));
    ASSERT_TRUE(requests->add_address(wan().index, cidr("192.0.2.2/24")));
    ASSERT_TRUE(wait([&] { return wan().running && has_address("192.0.2.2/24"); }));
  }

  boost::asio::io_context io;
  std::optional<Requests> requests;
  std::optional<Monitor> monitor;
  Changes seen;
};

TEST_F(Kernel, ReportsALinkThatChangesAndVanishes) {
  EXPECT_FALSE(wan().up);
  ASSERT_TRUE(requests->set_link(wan().index, true, 1400));
  EXPECT_TRUE(wait([&] { return wan().running && wan().mtu == 1400; }));
  EXPECT_EQ(wan().times_started, 1u);
  shell("ip link set peer down");
  EXPECT_TRUE(wait([&] { return !wan().running; }));
  shell("ip link set peer up");
  EXPECT_TRUE(wait([&] { return wan().times_started == 2; }));
  shell("ip link del wan");
  EXPECT_TRUE(wait([&] { return monitor->state().link("wan") == nullptr; }));
}

TEST_F(Kernel, AddsMarkedAddressesOnce) {
  ASSERT_TRUE(requests->set_link(wan().index, true, std::nullopt));
  const auto vip = cidr("192.0.2.10/32");
  ASSERT_TRUE(requests->add_address(wan().index, vip));
  ASSERT_TRUE(requests->add_address(wan().index, vip));
  shell("ip addr add 192.0.2.11/32 dev wan");
  ASSERT_TRUE(wait([&] { return has_address("192.0.2.10/32") && has_address("192.0.2.11/32"); }));
  for (const InterfaceAddress& address : monitor->state().addresses(wan().index)) {
    EXPECT_EQ(address.owned, address.prefix == vip);
  }
  ASSERT_TRUE(requests->remove_address(wan().index, vip));
  ASSERT_TRUE(requests->remove_address(wan().index, vip));
  EXPECT_TRUE(wait([&] { return !has_address("192.0.2.10/32"); }));
}

TEST_F(Kernel, NeverReplacesForeignRoutes) {
  bring_up();
  const Route route{cidr("198.51.100.0/24"), ip("192.0.2.1")};
  ASSERT_TRUE(requests->add_route(route));
  EXPECT_EQ(requests->owned_routes().value(), std::vector<Route>{route});
  const auto hop = requests->lookup(ip("198.51.100.7")).value();
  ASSERT_TRUE(hop);
  EXPECT_EQ(*hop, (Hop{wan().index, ip("192.0.2.1"), true}));

  shell("ip route add 203.0.113.0/24 via 192.0.2.3");
  const auto refused = requests->add_route({cidr("203.0.113.0/24"), ip("192.0.2.1")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(requests->lookup(ip("203.0.113.7")).value()->address, ip("192.0.2.3"));

  seen = {};
  ASSERT_TRUE(requests->remove_route(route));
  EXPECT_TRUE(wait([&] { return seen.owned_route; }));
  ASSERT_TRUE(requests->remove_route(route));
  EXPECT_FALSE(requests->lookup(ip("198.51.100.7")).value());
}

TEST_F(Kernel, AddsADefaultRoute) {
  bring_up();
  const Route route{cidr("0.0.0.0/0"), ip("192.0.2.1")};
  ASSERT_TRUE(requests->add_route(route));
  EXPECT_EQ(requests->owned_routes().value(), std::vector<Route>{route});
  EXPECT_EQ(requests->lookup(ip("8.8.8.8")).value()->address, ip("192.0.2.1"));
}

TEST_F(Kernel, LooksUpANeighbourAndALocalAddress) {
  bring_up();
  EXPECT_EQ(requests->lookup(ip("192.0.2.77")).value(),
            (Hop{wan().index, ip("192.0.2.77"), false}));
  EXPECT_FALSE(requests->lookup(ip("192.0.2.2")).value());
  EXPECT_FALSE(requests->lookup(ip("10.9.9.9")).value());
}

TEST_F(Kernel, ReportsAMovedRoute) {
  bring_up();
  shell("ip route add 198.51.100.0/24 via 192.0.2.1");
  ASSERT_TRUE(wait([&] { return seen.routes; }));
  seen = {};
  shell("ip route replace 198.51.100.0/24 via 192.0.2.5");
  ASSERT_TRUE(wait([&] { return seen.routes; }));
  EXPECT_EQ(requests->lookup(ip("198.51.100.7")).value()->address, ip("192.0.2.5"));
}

TEST_F(Kernel, ResolvesANeighbour) {
  bring_up();
  const NeighbourKey key{wan().index, ip("192.0.2.9")};
  ASSERT_TRUE(requests->resolve(key.first, key.second));
  ASSERT_TRUE(wait([&] { return std::ranges::count(seen.neighbours, key) != 0; }));
  ASSERT_NE(monitor->state().neighbour(key), nullptr);
  EXPECT_EQ(monitor->state().neighbour(key)->state, NeighbourState::kNone);
}

TEST_F(Kernel, ReportsANeighboursNewMac) {
  bring_up();
  const NeighbourKey key{wan().index, ip("192.0.2.9")};
  const auto mac = [&] {
    const Neighbour* neighbour = monitor->state().neighbour(key);
    return neighbour == nullptr ? "" : neighbour->mac.to_string();
  };
  shell("ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev wan nud stale");
  EXPECT_TRUE(wait([&] { return mac() == "02:00:00:00:00:09"; }));
  EXPECT_EQ(monitor->state().neighbour(key)->state, NeighbourState::kStale);
  shell("ip neigh replace 192.0.2.9 lladdr 02:00:00:00:00:99 dev wan nud permanent");
  EXPECT_TRUE(wait([&] { return mac() == "02:00:00:00:00:99"; }));
  EXPECT_EQ(monitor->state().neighbour(key)->state, NeighbourState::kPermanent);
  shell("ip neigh del 192.0.2.9 dev wan");
  EXPECT_TRUE(wait([&] {
    const Neighbour* neighbour = monitor->state().neighbour(key);
    return neighbour == nullptr || neighbour->state == NeighbourState::kNone;
  }));
}

TEST_F(Kernel, ForgetsTheMacOnResolveAnew) {
  bring_up();
  const NeighbourKey key{wan().index, ip("192.0.2.9")};
  shell("ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev wan nud reachable");
  ASSERT_TRUE(wait([&] { return monitor->state().neighbour(key) != nullptr; }));
  EXPECT_EQ(monitor->state().neighbour(key)->state, NeighbourState::kConfirmed);
  ASSERT_TRUE(requests->resolve_anew(key.first, key.second));
  EXPECT_TRUE(wait([&] {
    const Neighbour* neighbour = monitor->state().neighbour(key);
    return neighbour == nullptr || neighbour->state == NeighbourState::kNone;
  }));
  ASSERT_TRUE(requests->resolve_anew(key.first, ip("192.0.2.10")));  // was never known
}

TEST_F(Kernel, LosesNothingInAFloodOfNotifications) {
  bring_up();
  // More than the socket holds while nobody reads.
  shell(
      "i=0; while [ $i -lt 64 ]; do j=0; while [ $j -lt 250 ]; do"
      " echo neigh replace 10.9.$i.$j lladdr 02:00:00:00:09:09 dev peer nud permanent;"
      " j=$((j+1)); done; i=$((i+1)); done | ip -batch -");
  shell("ip link set wan mtu 1234 && ip addr add 192.0.2.99/32 dev wan");
  EXPECT_TRUE(wait([&] { return wan().mtu == 1234 && has_address("192.0.2.99/32"); }));
  const int peer = monitor->state().link("peer")->index;
  EXPECT_TRUE(wait([&] {
    return monitor->state().neighbour({peer, ip("10.9.63.249")}) != nullptr &&
           monitor->state().neighbour({peer, ip("10.9.0.0")}) != nullptr;
  }));
}

TEST_F(Kernel, SetsSysctls) {
  ASSERT_TRUE(prepare_interface("wan"));
  shell("test $(cat /proc/sys/net/ipv4/conf/wan/rp_filter) = 2");
  shell("test $(cat /proc/sys/net/ipv4/conf/wan/arp_ignore) = 1");
  shell("test $(cat /proc/sys/net/ipv4/conf/wan/arp_announce) = 2");
  shell("test $(cat /proc/sys/net/ipv4/conf/wan/arp_accept) = 2");
  EXPECT_FALSE(prepare_interface("absent"));
}

TEST_F(Kernel, SendsAnAnnouncementThreeTimesInBothForms) {
  bring_up();
  const int listener = ::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ARP));
  ASSERT_GE(listener, 0);
  sockaddr_ll on_peer{};
  on_peer.sll_family = AF_PACKET;
  on_peer.sll_protocol = htons(ETH_P_ARP);
  on_peer.sll_ifindex = monitor->state().link("peer")->index;
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&on_peer), sizeof on_peer), 0);

  Announcer announcer(io, {3, std::chrono::milliseconds(100)},
                      [&](const std::string& name) { return monitor->state().link(name); });
  announcer.announce("wan", ip("192.0.2.10"));
  const ArpFrame request =
      make_gratuitous_arp(wan().mac, *ip("192.0.2.10").to_ipv4(), ArpForm::kRequest);
  const ArpFrame reply =
      make_gratuitous_arp(wan().mac, *ip("192.0.2.10").to_ipv4(), ArpForm::kReply);
  int requests_seen = 0;
  int replies_seen = 0;
  EXPECT_TRUE(wait([&] {
    ArpFrame frame{};
    while (::recv(listener, frame.data(), frame.size(), 0) > 0) {
      requests_seen += frame == request ? 1 : 0;
      replies_seen += frame == reply ? 1 : 0;
    }
    return requests_seen == 3 && replies_seen == 3;
  }));
  ::close(listener);
}

}  // namespace
}  // namespace lb::netlink
