// Interfaces against the real kernel, in a namespace of our own. A veth pair plays the TAP that the
// data plane makes: "wan" is ours.
#include "controlplane/network/interfaces.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "controlplane/netlink/monitor.h"
#include "controlplane/network/interface_pass.h"
#include "controlplane/os/test_namespace.h"

namespace lb::controlplane {
namespace {

using test::shell;

config::Config make_config() {
  config::Config config;
  config::Port wan;
  wan.name = "wan";
  wan.mtu = 1450;
  wan.addresses = {Prefix::parse("192.0.2.2/24").value()};
  config.ports = {wan};
  config::Route route;
  route.destination = Prefix::parse("198.51.100.0/24").value();
  route.via = Address::parse("192.0.2.1").value();
  config.routes = {route};
  config::Service web;
  web.name = "web";
  web.addresses = {EndpointRange::parse("192.0.2.10:80").value()};
  config.services = {web};
  return config;
}

TEST(SeenInterfaces, ReportHowALinkGoesAndReturns) {
  SeenInterfaces seen;
  netlink::Link link;
  link.index = 1;
  link.name = "wan";
  EXPECT_TRUE(seen.update(link).is_new);
  const auto update = [&](bool running, std::uint32_t times_started) {
    link.running = running;
    link.times_started = times_started;
    return seen.update(link);
  };
  auto change = update(true, 1);
  EXPECT_TRUE(change.started && change.first_start && !change.stopped);
  EXPECT_TRUE(update(false, 1).stopped);
  EXPECT_FALSE(update(false, 1).stopped);
  change = update(true, 2);
  EXPECT_TRUE(change.started && !change.first_start && !change.stopped);
  change = update(false, 3);  // it came and went since
  EXPECT_TRUE(change.started && change.stopped);
}

class InterfacesInKernel : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::enter_new_namespace()) GTEST_SKIP() << "needs root";
    requests.emplace(netlink::Requests::open().value());
    monitor.emplace(io, *requests, [this](const auto& changes) { interfaces->on_change(changes); });
    interfaces.emplace(io, *requests, monitor->state(), make_config());
  }
  static void make_wan() {
    shell("ip link add wan type veth peer name peer && ip link set peer up");
  }

  bool wait(const std::function<bool()>& done) { return test::run_until(io, done); }
  // Everything is as the configuration wants it.
  bool in_place() {
    const netlink::Link* const wan = monitor->state().link("wan");
    return interfaces->complete() && interfaces->vips().at(0).present && wan->mtu == 1450 &&
           requests->owned_routes().value().size() == 1;
  }
  bool has(const char* prefix) {
    const netlink::Link* const wan = monitor->state().link("wan");
    if (wan == nullptr) return false;
    for (const auto& address : monitor->state().addresses(wan->index)) {
      if (address.prefix == Prefix::parse(prefix).value()) return true;
    }
    return false;
  }

  boost::asio::io_context io;
  std::optional<netlink::Requests> requests;
  std::optional<netlink::Monitor> monitor;
  std::optional<Interfaces> interfaces;
};

TEST_F(InterfacesInKernel, ConfigureAnInterfaceWheneverItAppears) {
  ASSERT_TRUE(monitor->start());
  io.poll();
  EXPECT_FALSE(interfaces->complete());
  make_wan();
  EXPECT_TRUE(wait([&] { return in_place(); }));
  shell("ip link del wan");
  EXPECT_TRUE(wait([&] { return !interfaces->complete(); }));
  make_wan();
  EXPECT_TRUE(wait([&] { return in_place(); }));
}

TEST_F(InterfacesInKernel, RestoreWhatOthersRemove) {
  make_wan();
  ASSERT_TRUE(monitor->start());
  ASSERT_TRUE(wait([&] { return in_place(); }));
  shell("ip addr del 192.0.2.10/32 dev wan");
  ASSERT_TRUE(wait([&] { return !has("192.0.2.10/32"); }));
  EXPECT_TRUE(wait([&] { return in_place(); }));
  shell("ip link set wan down mtu 1300");
  ASSERT_TRUE(wait([&] { return !interfaces->complete(); }));
  EXPECT_TRUE(wait([&] { return in_place(); }));
  shell("ip route del 198.51.100.0/24");
  EXPECT_TRUE(wait([&] { return in_place(); }));
}

TEST_F(InterfacesInKernel, AdoptAddressesOfAPreviousProcess) {
  make_wan();
  const auto links = requests->links().value();
  const int index = std::ranges::find(links, "wan", &netlink::Link::name)->index;
  for (const char* left : {"192.0.2.2/24", "192.0.2.10/32", "192.0.2.66/32"}) {
    ASSERT_TRUE(requests->add_address(index, Prefix::parse(left).value()));
  }
  shell("ip addr add 192.0.2.77/32 dev wan");
  ASSERT_TRUE(monitor->start());
  EXPECT_TRUE(wait([&] { return in_place() && !has("192.0.2.66/32"); }));
  EXPECT_TRUE(has("192.0.2.77/32"));
}

// Also when ARP says otherwise, and after an operator removed them; until the configuration drops them.
TEST_F(InterfacesInKernel, KeepNeighboursWithAConfiguredMac) {
  config::Config config = make_config();
  const MacAddress mac = MacAddress::parse("02:00:00:00:00:01").value();
  config.routes[0].mac = mac;
  interfaces->configure(config);
  make_wan();
  ASSERT_TRUE(monitor->start());
  const Address gateway = config.routes[0].via;
  const auto known = [&]() -> const netlink::Neighbour* {
    const netlink::Link* const wan = monitor->state().link("wan");
    return wan == nullptr ? nullptr : monitor->state().neighbour({wan->index, gateway});
  };
  const auto is_fixed = [&] {
    const auto* const neighbour = known();
    return neighbour != nullptr && neighbour->owned && neighbour->mac == mac &&
           neighbour->state == netlink::NeighbourState::kPermanent;
  };
  EXPECT_TRUE(wait(is_fixed));
  shell("ip neigh del 192.0.2.1 dev wan");
  ASSERT_TRUE(wait([&] { return !is_fixed(); }));
  EXPECT_TRUE(wait(is_fixed));
  shell("ip link set wan down && ip link set wan up");
  EXPECT_TRUE(wait([&] { return interfaces->complete() && is_fixed(); }));
  // An operator's stays.
  shell("ip neigh replace 192.0.2.9 lladdr 02:00:00:00:00:09 dev wan nud permanent");
  interfaces->configure(make_config());
  EXPECT_TRUE(wait([&] { return known() == nullptr || !known()->owned; }));
  interfaces->configure(config);
  EXPECT_TRUE(wait(is_fixed));
  // What a killed process left.
  interfaces.reset();
  interfaces.emplace(io, *requests, monitor->state(), make_config());
  interfaces->configure(make_config());
  EXPECT_TRUE(wait([&] { return known() == nullptr || !known()->owned; }));
  EXPECT_EQ(std::system("ip neigh show 192.0.2.9 dev wan | grep -q PERMANENT"), 0);
  interfaces->configure(config);
  EXPECT_TRUE(wait(is_fixed));
  interfaces->release_neighbours();
  EXPECT_TRUE(wait([&] { return known() == nullptr || !known()->owned; }));
}

TEST_F(InterfacesInKernel, KeepWithdrawnVipsAway) {
  make_wan();
  ASSERT_TRUE(monitor->start());
  ASSERT_TRUE(wait([&] { return in_place(); }));
  interfaces->withdraw_vips();
  EXPECT_TRUE(wait([&] { return !has("192.0.2.10/32"); }));
  shell("ip link set wan down && ip link set wan up");
  EXPECT_TRUE(wait([&] { return interfaces->complete(); }));
  EXPECT_FALSE(has("192.0.2.10/32"));
  EXPECT_TRUE(has("192.0.2.2/24"));
}

}  // namespace
}  // namespace lb::controlplane
