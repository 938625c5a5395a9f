#include "controlplane/network/source_routes.h"

#include <gtest/gtest.h>

namespace lb::controlplane {
namespace {

Prefix prefix_of(const char* text) {
  return Prefix::parse(text).value();
}

config::Config routed_ports() {
  config::Config config;
  config::Port wan;
  wan.name = "wan";
  wan.addresses = {prefix_of("192.0.2.2/24"), prefix_of("2001:db8::2/64")};
  config::Vlan vlan;
  vlan.name = "wan.7";
  vlan.id = 7;
  vlan.addresses = {prefix_of("198.51.100.2/25")};
  wan.vlans = {vlan};
  config::Port lan;
  lan.name = "lan";
  lan.addresses = {prefix_of("10.0.0.1/24")};
  config.ports = {wan, lan};
  return config;
}

using Routes = std::vector<SourceRouteSpec>;

TEST(SourceRoutesOfConfig, AreTheSubnets) {
  EXPECT_EQ(source_routes_of(routed_ports(), nullptr),
            (Routes{{prefix_of("192.0.2.0/24"), "wan", 0},
                    {prefix_of("198.51.100.0/25"), "wan", 7},
                    {prefix_of("10.0.0.0/24"), "lan", 0}}));
}

TEST(SourceRoutesOfConfig, AndTheNetworksBehindGateways) {
  config::Config config = routed_ports();
  config.routes = {{Prefix(Address(), 0), prefix_of("192.0.2.1/32").address, {}, {}},
                   {prefix_of("10.1.0.0/16"), prefix_of("198.51.100.1/32").address, {}, {}},
                   {prefix_of("10.2.0.0/16"), prefix_of("203.0.113.1/32").address, {}, {}}};
  Routes routes = source_routes_of(config, nullptr);
  routes.erase(routes.begin(), routes.begin() + 3);
  EXPECT_EQ(routes,
            (Routes{{Prefix(Address(), 0), "wan", 0}, {prefix_of("10.1.0.0/16"), "wan", 7}}));
}

TEST(SourceRoutesOfConfig, AndWhereTheDefaultRouteOfAnotherProgramLeads) {
  config::Config config = routed_ports();
  config.routes = {{Prefix(Address(), 0), prefix_of("192.0.2.1/32").address, {}, {}}};
  const auto interfaces = interfaces_of(config);
  const Routes routes = source_routes_of(config, &interfaces[2]);
  ASSERT_EQ(routes.size(), 5u);
  EXPECT_EQ(routes[3], (SourceRouteSpec{Prefix(Address(), 0), "wan", 0}));
  EXPECT_EQ(routes.back(), (SourceRouteSpec{Prefix(Address(), 0), "lan", 0}));
}

}  // namespace
}  // namespace lb::controlplane
