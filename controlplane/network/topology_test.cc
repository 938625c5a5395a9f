#include "controlplane/network/topology.h"

#include <gtest/gtest.h>

namespace lb::controlplane {
namespace {

Prefix prefix(const char* text) {
  return Prefix::parse(text).value();
}

config::Service service(const char* name, const char* vip, const char* port = "") {
  config::Service s;
  s.name = name;
  s.addresses = {EndpointRange::parse(vip).value()};
  s.port = port;
  return s;
}

const Interface* bearer(const std::vector<Interface>& interfaces, const config::Service& of) {
  return interface_of_vip(interfaces, of, of.primary_endpoint().address);
}

// wan with 192.0.2.0/24 and a VLAN in 198.51.100.0/24, lan with 10.0.0.0/8 and 10.1.0.0/16.
config::Config two_ports() {
  config::Config config;
  config::Port wan;
  wan.name = "wan";
  wan.mtu = 1400;
  wan.addresses = {prefix("192.0.2.2/24")};
  config::Vlan dmz;
  dmz.name = "wan.7";
  dmz.id = 7;
  dmz.addresses = {prefix("198.51.100.2/24")};
  wan.vlans = {dmz};
  config::Port lan;
  lan.name = "lan";
  lan.addresses = {prefix("10.0.0.1/8")};
  config::Port rack;
  rack.name = "rack";
  rack.mtu = 9000;
  rack.addresses = {prefix("10.1.0.1/16")};
  config.ports = {wan, lan, rack};
  return config;
}

TEST(Topology, MakesAnInterfaceForAVlan) {
  const auto interfaces = interfaces_of(two_ports());
  ASSERT_EQ(interfaces.size(), 4u);
  EXPECT_EQ(interfaces[0].name, "wan");
  EXPECT_EQ(interfaces[0].vlan, 0);
  EXPECT_EQ(interfaces[1].name, "wan.7");
  EXPECT_EQ(interfaces[1].port, "wan");
  EXPECT_EQ(interfaces[1].vlan, 7);
  EXPECT_EQ(interfaces[1].mtu, 1400);
  EXPECT_EQ(interfaces[3].mtu, 9000);
}

TEST(Topology, PutsAVipOnTheNarrowestSubnet) {
  const auto interfaces = interfaces_of(two_ports());
  EXPECT_EQ(bearer(interfaces, service("a", "192.0.2.10:80"))->name, "wan");
  EXPECT_EQ(bearer(interfaces, service("b", "198.51.100.10:80"))->name, "wan.7");
  EXPECT_EQ(bearer(interfaces, service("c", "10.9.0.10:80"))->name, "lan");
  EXPECT_EQ(bearer(interfaces, service("d", "10.1.0.10:80"))->name, "rack");
  EXPECT_EQ(bearer(interfaces, service("e", "203.0.113.1:80")), nullptr);
}

TEST(Topology, PutsAVipOnTheInterfaceThatTheServiceNames) {
  const auto interfaces = interfaces_of(two_ports());
  EXPECT_EQ(bearer(interfaces, service("a", "203.0.113.1:80", "wan.7"))->name, "wan.7");
  EXPECT_EQ(bearer(interfaces, service("b", "192.0.2.10:80", "lan"))->name, "lan");
}

TEST(Topology, ListsVipsOnceWithoutAddressesOfTheInterface) {
  config::Config config = two_ports();
  config.services = {service("http", "192.0.2.10:80"), service("https", "192.0.2.10:443"),
                     service("own", "192.0.2.2:53"), service("inside", "10.1.0.10:80")};
  const auto interfaces = interfaces_of(config);
  const std::vector<Vip> expected = {{prefix("192.0.2.10/32"), "wan"},
                                     {prefix("10.1.0.10/32"), "rack"}};
  const auto vips = vips_of(config, interfaces);
  EXPECT_EQ(vips, expected);
  EXPECT_EQ(wanted_addresses(interfaces[0], vips),
            (std::vector{prefix("192.0.2.2/24"), prefix("192.0.2.10/32")}));
}

TEST(Topology, ListsSeveralVipsOfAService) {
  config::Config config = two_ports();
  config.services = {service("a", "192.0.2.10:80")};
  config.services[0].addresses = {*EndpointRange::parse("192.0.2.10:80"),
                                  *EndpointRange::parse("192.0.2.10:443"),
                                  *EndpointRange::parse("10.9.0.10:*")};
  EXPECT_EQ(vips_of(config, interfaces_of(config)),
            (std::vector<Vip>{{prefix("192.0.2.10/32"), "wan"}, {prefix("10.9.0.10/32"), "lan"}}));
}

TEST(Topology, SeparatesVipsOfInstances) {
  config::Config config = two_ports();
  config.services = {service("http", "192.0.2.10:80"), service("inside", "10.1.0.10:80")};
  config::HaInstance instance;
  instance.port = "wan";
  instance.addresses = {prefix("192.0.2.10/24"), prefix("192.0.2.11/24")};
  config.ha.instances = {instance};
  const std::vector<Vip> always = {{prefix("10.1.0.10/32"), "rack"}};
  EXPECT_EQ(vips_of(config, interfaces_of(config)), always);
  const std::vector<Vip> as_master = {{prefix("192.0.2.10/24"), "wan"},
                                      {prefix("192.0.2.11/24"), "wan"}};
  EXPECT_EQ(vips_of(instance), as_master);
}

TEST(Topology, RemovesOnlyOwnAddresses) {
  const std::vector wanted = {prefix("192.0.2.2/24"), prefix("192.0.2.10/32"),
                              prefix("192.0.2.11/32")};
  const std::vector<netlink::InterfaceAddress> present = {
      {1, prefix("192.0.2.2/24"), false},   // an operator set it: it stays his
      {1, prefix("192.0.2.11/32"), true},   // left by a previous process, wanted
      {1, prefix("192.0.2.12/32"), true},   // left by a previous process, not wanted
      {1, prefix("192.0.2.13/32"), false},  // of another program
      {1, prefix("192.0.2.2/25"), true},    // our address with another length
      {1, prefix("192.0.2.14/24"), true},   // left by a previous process, undecided
  };
  const std::vector undecided = {prefix("192.0.2.14/24"), prefix("192.0.2.15/24")};
  const AddressPlan plan = plan_addresses(wanted, undecided, present);
  EXPECT_EQ(plan.remove, (std::vector{prefix("192.0.2.12/32"), prefix("192.0.2.2/25")}));
  EXPECT_EQ(plan.add, (std::vector{prefix("192.0.2.10/32")}));
}

TEST(Topology, ReplacesARouteWithAnotherGateway) {
  config::Route route;
  route.destination = prefix("198.51.100.9/24");
  route.via = Address::parse("192.0.2.1").value();
  const netlink::Route now{prefix("198.51.100.0/24"), Address::parse("192.0.2.5").value()};
  const netlink::Route then{prefix("198.51.100.0/24"), route.via};
  const RoutePlan plan = plan_routes(std::vector{route}, std::vector{now});
  EXPECT_EQ(plan.remove, std::vector{now});
  EXPECT_EQ(plan.add, std::vector{then});
  const RoutePlan done = plan_routes(std::vector{route}, std::vector{then});
  EXPECT_TRUE(done.remove.empty() && done.add.empty());
}

}  // namespace
}  // namespace lb::controlplane
