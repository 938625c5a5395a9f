#include "controlplane/snapshot_builder.h"

#include <gtest/gtest.h>

#include "dataplane/api/dataplane.pb.h"

namespace lb::controlplane {
namespace {

Ipv4Endpoint endpoint(const char* text) {
  return Ipv4Endpoint::parse(text).value();
}

config::Config web_and_dns() {
  config::Config config;
  config::Port wan;
  wan.name = "wan";
  wan.addresses = {Ipv4Prefix::parse("192.0.2.2/24").value(),
                   Ipv4Prefix::parse("192.0.2.3/24").value()};
  config::Vlan vlan;
  vlan.name = "wan.7";
  vlan.id = 7;
  vlan.addresses = {Ipv4Prefix::parse("198.51.100.2/24").value()};
  config::Vlan bare;
  bare.name = "wan.8";
  bare.id = 8;
  wan.vlans = {vlan, bare};
  config.ports = {wan};
  config.dataplane.timeouts.udp = config::Milliseconds(1234);

  config::Service web;
  web.name = "web";
  web.addresses = {*Ipv4EndpointRange::parse("192.0.2.10:80")};
  web.scheduler = Scheduler::kWlc;
  web.persistence = config::Milliseconds(5'000);
  web.persistence_prefix = 24;
  web.group = "shop";
  config::RealServer server;
  server.address = endpoint("10.0.0.11:8080");
  server.weight = 3;
  web.real_servers = {server};
  config::Service dns = web;
  dns.name = "dns";
  dns.addresses = {*Ipv4EndpointRange::parse("192.0.2.10:53")};
  dns.protocol = Protocol::kUdp;
  dns.mode = Mode::kDr;
  dns.on_server_down = OnServerDown::kKeep;
  dns.one_packet = true;
  web.timeouts.emplace().tcp_closed = config::Milliseconds(5'000);
  config.services.push_back(web);
  config.services.push_back(dns);
  return config;
}

const NextHop kNextHop{"wan", 7, {{2, 0, 0, 0, 0, 0x11}}};

RealServerState only_web_is_up(const config::Service& service, const config::RealServer&) {
  if (service.name == "web") return {true, false, kNextHop};
  return {false, false, std::nullopt};
}

TEST(SnapshotBuilder, SaysEverything) {
  api::Snapshot snapshot;
  build_snapshot(web_and_dns(), {}, only_web_is_up, snapshot);

  ASSERT_EQ(snapshot.port_addresses_size(), 2);
  EXPECT_EQ(snapshot.port_addresses(0).port(), "wan");
  EXPECT_EQ(snapshot.port_addresses(0).vlan(), 0u);
  EXPECT_EQ(snapshot.port_addresses(0).address(), std::string("\xc0\x00\x02\x02", 4));
  EXPECT_EQ(snapshot.port_addresses(1).vlan(), 7u);
  ASSERT_EQ(snapshot.own_addresses_size(), 3);
  EXPECT_EQ(snapshot.own_addresses(0), std::string("\xc0\x00\x02\x02", 4));
  EXPECT_EQ(snapshot.own_addresses(1), std::string("\xc0\x00\x02\x03", 4));
  EXPECT_EQ(snapshot.own_addresses(2), std::string("\xc6\x33\x64\x02", 4));
  EXPECT_EQ(snapshot.timeouts().udp(), 1234u);
  EXPECT_EQ(snapshot.timeouts().tcp_established(), 900'000u);

  ASSERT_EQ(snapshot.services_size(), 2);
  const api::Service& web = snapshot.services(0);
  EXPECT_EQ(web.name(), "web");
  EXPECT_EQ(web.protocol(), api::TCP);
  EXPECT_EQ(web.address(), std::string("\xc0\x00\x02\x0a", 4));
  EXPECT_EQ(web.port(), 80u);
  EXPECT_EQ(web.mode(), api::NAT);
  EXPECT_EQ(web.scheduler(), api::WLC);
  EXPECT_EQ(web.persistence_ms(), 5'000u);
  EXPECT_EQ(web.persistence_prefix(), 24u);
  EXPECT_EQ(web.group(), "shop");
  EXPECT_EQ(web.timeouts().tcp_closed(), 5'000u);
  EXPECT_FALSE(web.one_packet());
  EXPECT_EQ(web.on_server_down(), api::RESET);
  ASSERT_EQ(web.real_servers_size(), 1);
  EXPECT_EQ(web.real_servers(0).address(), std::string("\x0a\x00\x00\x0b", 4));
  EXPECT_EQ(web.real_servers(0).port(), 8080u);
  EXPECT_EQ(web.real_servers(0).weight(), 3u);
  EXPECT_TRUE(web.real_servers(0).up());
  EXPECT_EQ(web.real_servers(0).next_hop().port(), "wan");
  EXPECT_EQ(web.real_servers(0).next_hop().vlan(), 7u);
  EXPECT_EQ(web.real_servers(0).next_hop().mac(), std::string("\x02\x00\x00\x00\x00\x11", 6));

  const api::Service& dns = snapshot.services(1);
  EXPECT_EQ(dns.protocol(), api::UDP);
  EXPECT_EQ(dns.mode(), api::DR);
  EXPECT_EQ(dns.on_server_down(), api::KEEP);
  EXPECT_FALSE(dns.has_timeouts());
  EXPECT_TRUE(dns.one_packet());
  EXPECT_FALSE(dns.real_servers(0).up());
  EXPECT_FALSE(dns.real_servers(0).has_next_hop());
}

TEST(SnapshotBuilder, SaysAllAddresses) {
  config::Config config = web_and_dns();
  config.services[0].addresses = {*Ipv4EndpointRange::parse("192.0.2.10:80-90"),
                                  *Ipv4EndpointRange::parse("192.0.2.11:*")};
  config.services[0].real_servers[0].address.port = 0;
  api::Snapshot snapshot;
  build_snapshot(config, {}, only_web_is_up, snapshot);
  const api::Service& web = snapshot.services(0);
  EXPECT_EQ(web.port(), 80u);
  ASSERT_EQ(web.addresses_size(), 2);
  EXPECT_EQ(web.addresses(1).address(), std::string("\xc0\x00\x02\x0b", 4));
  EXPECT_EQ(web.addresses(1).first_port(), 1u);
  EXPECT_EQ(web.addresses(1).last_port(), 65'535u);
  EXPECT_EQ(web.real_servers(0).port(), 0u);
  EXPECT_EQ(snapshot.services(1).addresses_size(), 0);
}

TEST(SnapshotBuilder, ServicesWithEqualListsShareThem) {
  config::Config config = web_and_dns();
  config::Access access;
  access.allow_file = "/etc/allow.txt";
  access.allow_listed = {*Ipv4Prefix::parse("198.51.100.0/24")};
  access.deny = {*Ipv4Prefix::parse("198.51.100.7/32")};
  config.services[0].access = config.services[1].access = access;
  config.services[0].limits.new_per_second = 10;
  api::Snapshot snapshot;
  build_snapshot(config, {}, only_web_is_up, snapshot);
  ASSERT_EQ(snapshot.access_lists_size(), 1);
  EXPECT_EQ(snapshot.access_lists(0).allow(), std::string("\xc6\x33\x64\x00\x18", 5));
  EXPECT_EQ(snapshot.access_lists(0).deny(), std::string("\xc6\x33\x64\x07\x20", 5));
  EXPECT_FALSE(snapshot.access_lists(0).others());
  EXPECT_EQ(snapshot.services(0).access_list(), 1u);
  EXPECT_EQ(snapshot.services(1).access_list(), 1u);
  EXPECT_EQ(snapshot.services(0).limits().new_per_second(), 10u);
  EXPECT_EQ(snapshot.services(0).limits().burst_ms(), 1000u);
  EXPECT_FALSE(snapshot.services(1).has_limits());
}

TEST(SnapshotBuilder, WhatWasBuiltIsReadBack) {
  config::Config config = web_and_dns();
  config.services.push_back(config.services[0]);
  config.services.back().name = "webs";
  config.services.back().addresses = {*Ipv4EndpointRange::parse("192.0.2.10:80-90")};
  api::Snapshot snapshot;
  build_snapshot(config, {}, only_web_is_up, snapshot);
  const auto states = read_snapshot(snapshot);
  ASSERT_EQ(states.size(), 3u);
  for (const config::Service& service : config.services) {
    const config::RealServer& server = service.real_servers.front();
    EXPECT_EQ(states.at(key_of(service, server.address)), only_web_is_up(service, server))
        << service.name;
  }
}

TEST(SnapshotBuilder, NonsenseIsLeftOut) {
  api::Snapshot snapshot;
  build_snapshot(web_and_dns(), {}, only_web_is_up, snapshot);
  snapshot.mutable_services(0)->mutable_real_servers(0)->mutable_next_hop()->set_mac("short");
  snapshot.mutable_services(1)->set_address("not an address");
  const auto states = read_snapshot(snapshot);
  ASSERT_EQ(states.size(), 1u);
  EXPECT_EQ(states.begin()->second, (RealServerState{true, false, std::nullopt}));
  snapshot.mutable_services(0)->mutable_real_servers(0)->set_port(70'000);
  EXPECT_TRUE(read_snapshot(snapshot).empty());
}

}  // namespace
}  // namespace lb::controlplane
