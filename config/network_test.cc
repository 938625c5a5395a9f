#include "config/network.h"

#include <gtest/gtest.h>

#include "config/load.h"

namespace lb::config {
namespace {

Config config() {
  Config c;
  c.ports.resize(2);
  c.ports[0].name = "wan";
  c.ports[0].addresses = {*Prefix::parse("192.0.2.2/24"), *Prefix::parse("198.51.100.2/24")};
  c.ports[1].name = "lan";
  c.ports[1].vlans.resize(1);
  c.ports[1].vlans[0].name = "lan.20";
  c.ports[1].vlans[0].id = 20;
  c.ports[1].vlans[0].addresses = {*Prefix::parse("10.0.20.2/24")};
  return c;
}

Service service(const char* address, const char* port) {
  Service s;
  s.addresses = {*EndpointRange::parse(address)};
  s.port = port;
  return s;
}

const Interface* vip_interface(const Network& network, const char* address, const char* port) {
  const Service s = service(address, port);
  return network.vip_interface(s, s.primary_endpoint().address);
}

TEST(Network, KnowsPortsAndVlans) {
  const Network network(config());
  ASSERT_EQ(network.interfaces().size(), 3u);
  EXPECT_EQ(network.find("lan.20")->port, "lan");
  EXPECT_EQ(network.find("lan.20")->vlan, 20);
  EXPECT_EQ(network.find("lan.20")->path, "port[1].vlan[0]");
  EXPECT_EQ(network.find("wan")->vlan, 0);
  EXPECT_EQ(network.find("eth0"), nullptr);
  EXPECT_EQ(network.subnets_text(), "192.0.2.0/24, 198.51.100.0/24 or 10.0.20.0/24");
}

TEST(Network, FindsTheInterfaceOfAnAddress) {
  const Network network(config());
  EXPECT_EQ(network.on_link(*Address::parse("198.51.100.77"))->interface->name, "wan");
  EXPECT_EQ(network.on_link(*Address::parse("10.0.20.1"))->subnet.to_string(), "10.0.20.2/24");
  EXPECT_FALSE(network.on_link(*Address::parse("10.0.21.1")));
  EXPECT_TRUE(network.is_own(*Address::parse("10.0.20.2")));
  EXPECT_FALSE(network.is_own(*Address::parse("10.0.20.3")));
}

TEST(Network, FindsTheInterfaceOfAVip) {
  const Network network(config());
  EXPECT_EQ(vip_interface(network, "192.0.2.10:80", "")->name, "wan");
  EXPECT_EQ(vip_interface(network, "192.0.2.10:80", "lan.20")->name, "lan.20");
  EXPECT_EQ(vip_interface(network, "203.0.113.1:80", "lan")->name, "lan");
  EXPECT_EQ(vip_interface(network, "203.0.113.1:80", ""), nullptr);
  EXPECT_EQ(vip_interface(network, "203.0.113.1:80", "dmz"), nullptr);
}

}  // namespace
}  // namespace lb::config
