#include "controlplane/servers/snapshot_builder.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "controlplane/service/inventory_fixture.h"

namespace lb::controlplane {
namespace {

Endpoint endpoint(const char* text) {
  return Endpoint::parse(text).value();
}

config::Config web_and_dns() {
  config::Config config;
  config::Port wan;
  wan.name = "wan";
  wan.addresses = {Prefix::parse("192.0.2.2/24").value(), Prefix::parse("192.0.2.3/24").value()};
  config::Vlan vlan;
  vlan.name = "wan.7";
  vlan.id = 7;
  vlan.addresses = {Prefix::parse("198.51.100.2/24").value()};
  config::Vlan bare;
  bare.name = "wan.8";
  bare.id = 8;
  wan.vlans = {vlan, bare};
  config.ports = {wan};
  config.dataplane.timeouts.udp = config::Milliseconds(1234);

  config::Service web;
  web.name = "web";
  web.addresses = {*EndpointRange::parse("192.0.2.10:80")};
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
  dns.addresses = {*EndpointRange::parse("192.0.2.10:53")};
  dns.protocol = Protocol::kUdp;
  dns.mode = Mode::kDr;
  dns.on_server_down = OnServerDown::kKeep;
  dns.one_packet = true;
  web.timeouts.emplace().tcp_closed = config::Milliseconds(5'000);
  config.services.push_back(web);
  config.services.push_back(dns);
  return config;
}

const NextHopSpec kNextHop{"wan", 7, {{2, 0, 0, 0, 0, 0x11}}};

// Of this configuration, with only "web" up and resolved.
SnapshotSpec build(Inventory& inventory) {
  for (Service& service : inventory.services()) {
    const bool up = service.config->name == "web";
    for (RealServer& server : service.servers) {
      server.health = test::checked(up);
      if (up) server.next_hop = kNextHop;
    }
    decide(service, Time{});
  }
  SnapshotSpec snapshot;
  build_snapshot(inventory, {}, snapshot);
  return snapshot;
}

SnapshotSpec build(const config::Config& config) {
  Inventory inventory(config::seal(config));
  return build(inventory);
}

TEST(SnapshotBuilder, WritesEveryField) {
  const SnapshotSpec snapshot = build(web_and_dns());

  ASSERT_EQ(snapshot.port_addresses.size(), 2u);
  EXPECT_EQ(snapshot.port_addresses[0].port, "wan");
  EXPECT_EQ(snapshot.port_addresses[0].vlan, 0u);
  EXPECT_EQ(snapshot.port_addresses[0].address.to_string(), "192.0.2.2");
  EXPECT_EQ(snapshot.port_addresses[1].vlan, 7u);
  ASSERT_EQ(snapshot.own_addresses.size(), 3u);
  EXPECT_EQ(snapshot.own_addresses[0].to_string(), "192.0.2.2");
  EXPECT_EQ(snapshot.own_addresses[1].to_string(), "192.0.2.3");
  EXPECT_EQ(snapshot.own_addresses[2].to_string(), "198.51.100.2");
  ASSERT_EQ(snapshot.held_addresses.size(), 6u);
  const std::vector<Address>& held = snapshot.held_addresses;
  for (const Address& own : snapshot.own_addresses) EXPECT_EQ(std::ranges::count(held, own), 1);
  EXPECT_EQ(std::ranges::count(held, Address::parse("192.0.2.255").value()), 2);
  EXPECT_EQ(std::ranges::count(held, Address::parse("198.51.100.255").value()), 1);
  EXPECT_EQ(snapshot.port_policies,
            (std::vector<PortPolicySpec>{{"wan", {7, 8}, AntiSpoof::kAddresses, false}}));
  EXPECT_EQ(snapshot.timeouts.udp.count(), 1234);
  EXPECT_EQ(snapshot.timeouts.tcp_established.count(), 900'000);

  ASSERT_EQ(snapshot.services.size(), 2u);
  const ServiceSpec& web = snapshot.services[0];
  EXPECT_EQ(web.name, "web");
  EXPECT_EQ(web.protocol, Protocol::kTcp);
  ASSERT_EQ(web.addresses.size(), 1u);
  EXPECT_EQ(web.addresses[0].to_string(), "192.0.2.10:80");
  EXPECT_EQ(web.mode, Mode::kNat);
  EXPECT_EQ(web.scheduler, Scheduler::kWlc);
  EXPECT_TRUE(web.sync);
  EXPECT_FALSE(web.standby);
  EXPECT_EQ(web.persistence.count(), 5'000);
  EXPECT_EQ(web.persistence_prefix, 24u);
  EXPECT_EQ(web.group, "shop");
  ASSERT_TRUE(web.timeouts);
  EXPECT_EQ(web.timeouts->tcp_closed.count(), 5'000);
  EXPECT_FALSE(web.one_packet);
  EXPECT_EQ(web.on_server_down, OnServerDown::kReset);
  ASSERT_EQ(web.real_servers.size(), 1u);
  EXPECT_EQ(web.real_servers[0].address.to_string(), "10.0.0.11:8080");
  EXPECT_EQ(web.real_servers[0].weight, 3u);
  EXPECT_TRUE(web.real_servers[0].up);
  EXPECT_EQ(web.real_servers[0].healthy, std::nullopt);
  EXPECT_EQ(web.real_servers[0].next_hop, kNextHop);

  const ServiceSpec& dns = snapshot.services[1];
  EXPECT_EQ(dns.protocol, Protocol::kUdp);
  EXPECT_EQ(dns.mode, Mode::kDr);
  EXPECT_EQ(dns.on_server_down, OnServerDown::kKeep);
  EXPECT_FALSE(dns.timeouts);
  EXPECT_TRUE(dns.one_packet);
  EXPECT_FALSE(dns.real_servers[0].up);
  EXPECT_FALSE(dns.real_servers[0].next_hop);
}

TEST(SnapshotBuilder, WritesAllAddresses) {
  config::Config config = web_and_dns();
  config.services[0].addresses = {*EndpointRange::parse("192.0.2.10:80-90"),
                                  *EndpointRange::parse("192.0.2.11:*")};
  config.services[0].real_servers[0].address.port = 0;
  const SnapshotSpec snapshot = build(config);
  const ServiceSpec& web = snapshot.services[0];
  EXPECT_EQ(web.addresses, config.services[0].addresses);
  EXPECT_EQ(web.real_servers[0].address.port, 0u);
  EXPECT_EQ(snapshot.services[1].addresses.size(), 1u);
}

// What another director is master of it may send from, too.
TEST(SnapshotBuilder, HoldsAddressesOfInstancesAsMasterOnly) {
  config::Config config = web_and_dns();
  config::HaInstance& instance = config.ha.instances.emplace_back();
  instance.addresses = {Prefix::parse("192.0.2.1/24").value()};
  const Address shared = instance.addresses.front().address;
  Inventory inventory(config::seal(config));
  for (const bool standby : {false, true}) {
    SnapshotSpec snapshot;
    build_snapshot(inventory, standby ? std::set{shared} : std::set<Address>{}, snapshot);
    EXPECT_EQ(snapshot.own_addresses.size(), 4u);
    EXPECT_EQ(snapshot.held_addresses.size(), standby ? 6u : 7u);
    EXPECT_EQ(std::ranges::count(snapshot.held_addresses, shared), standby ? 0 : 1);
  }
}

TEST(SnapshotBuilder, WritesThePortsPolicies) {
  config::Config config = web_and_dns();
  config.ports[0].anti_spoof = AntiSpoof::kStrict;
  config.ports[0].clients_from_other_ports = true;
  EXPECT_EQ(build(config).port_policies,
            (std::vector<PortPolicySpec>{{"wan", {7, 8}, AntiSpoof::kStrict, true}}));
}

TEST(SnapshotBuilder, SharesEqualLists) {
  config::Config config = web_and_dns();
  config::Access access;
  access.allow_file = "/etc/allow.txt";
  access.allow_listed = {*Prefix::parse("198.51.100.0/24")};
  access.deny = {*Prefix::parse("198.51.100.7/32")};
  config.services[0].access = config.services[1].access = access;
  config.services[0].limits.new_per_second = 10;
  const SnapshotSpec snapshot = build(config);
  const ServiceSpec& web = snapshot.services[0];
  const ServiceSpec& dns = snapshot.services[1];
  ASSERT_TRUE(web.access && dns.access);
  EXPECT_EQ(&*web.access, &*dns.access);
  EXPECT_EQ(web.access->allow, access.allow_listed);
  EXPECT_EQ(web.access->deny, access.deny);
  EXPECT_FALSE(web.access->others);
  EXPECT_EQ(web.limits.new_per_second, 10u);
  EXPECT_EQ(web.limits.burst.count(), 1000);
  EXPECT_FALSE(dns.limits.any());
}

TEST(SnapshotBuilder, ReadsBackWhatWasBuilt) {
  config::Config config = web_and_dns();
  config.services.push_back(config.services[0]);
  config.services.back().name = "webs";
  config.services.back().addresses = {*EndpointRange::parse("192.0.2.10:80-90")};
  Inventory inventory(config::seal(config));
  const Running running = read_snapshot(build(inventory), inventory);
  ASSERT_EQ(running.servers.size(), 3u);
  EXPECT_TRUE(running.sorry.empty());
  for (const Service& service : inventory.services()) {
    const RealServer& server = service.servers.front();
    EXPECT_EQ(running.servers.at(server.id),
              (Running::Server{server.health->up, false, server.next_hop}))
        << service.config->name;
  }
}

TEST(SnapshotBuilder, LimitsConnectionsAsTheAgentReports) {
  config::Config config = web_and_dns();
  for (config::Service& service : config.services) {
    service.real_servers[0].max_connections = 1'000;
    service.real_servers[0].resume_connections = 900;
  }
  Inventory inventory(config::seal(config));
  const auto limits = [&](std::size_t service, std::uint32_t by_agent) {
    health::State state;
    state.agent.max_connections = by_agent;
    inventory.services()[service].servers[0].health = std::make_shared<health::State>(state);
    SnapshotSpec snapshot;
    build_snapshot(inventory, {}, snapshot);
    const RealServerSpec& server = snapshot.services[service].real_servers[0];
    return std::pair(server.max_connections, server.resume_connections);
  };
  EXPECT_EQ(limits(0, 0), std::pair(1'000u, 900u));
  EXPECT_EQ(limits(0, 30), std::pair(30u, 22u));
  EXPECT_EQ(limits(0, 1), std::pair(1u, 0u));
  EXPECT_EQ(limits(0, 2'000), std::pair(2'000u, 1'500u));
  EXPECT_EQ(limits(1, 30), std::pair(1'000u, 900u)) << "one_packet: no connections";
}

TEST(SnapshotBuilder, WritesStates) {
  Inventory inventory(config::seal(web_and_dns()));
  RealServer& held = inventory.services()[0].servers[0];
  held.health = test::checked(false);
  held.decision.up = held.decision.end = true;
  held.decision.weight = 9;
  RealServer& drained = inventory.services()[1].servers[0];
  drained.health = test::checked(false);
  drained.decision.unchecked = true;
  SnapshotSpec snapshot;
  build_snapshot(inventory, {}, snapshot);
  const RealServerSpec& first = snapshot.services[0].real_servers[0];
  EXPECT_EQ(first.weight, 9u);
  EXPECT_EQ(first.healthy, false);
  EXPECT_TRUE(first.end_connections);
  EXPECT_FALSE(first.keep_connections);
  const RealServerSpec& second = snapshot.services[1].real_servers[0];
  EXPECT_EQ(second.healthy, std::nullopt) << "as `up` says";
  EXPECT_FALSE(second.end_connections);
  EXPECT_TRUE(second.keep_connections);
}

TEST(SnapshotBuilder, ReadsBackHealthBehindAPolicy) {
  config::Config config = web_and_dns();
  config.services.pop_back();
  config.services[0].quorum = 2;
  config.services[0].sorry_server.emplace().address = endpoint("10.0.0.99:80");
  Inventory inventory(config::seal(config));
  Service& web = inventory.services().front();
  web.servers.front().changes.in_force.admin_state = AdminState::kMaint;
  web.sorry_next_hop = kNextHop;
  const SnapshotSpec snapshot = build(inventory);
  const std::vector<RealServerSpec>& servers = snapshot.services[0].real_servers;
  ASSERT_EQ(servers.size(), 2u);
  EXPECT_FALSE(servers[0].up);
  EXPECT_EQ(servers[0].healthy, true);
  EXPECT_TRUE(servers[1].up);
  EXPECT_EQ(servers[1].weight, 1u);
  // Another name by now.
  config.services[0].name = "shop";
  inventory.adopt(config::seal(config));
  const Running running = read_snapshot(snapshot, inventory);
  ASSERT_EQ(running.servers.size(), 1u);
  EXPECT_TRUE(running.servers.begin()->second.healthy);
  ASSERT_EQ(running.sorry.size(), 1u);
  EXPECT_EQ(running.sorry.at(inventory.services().front().id), kNextHop);
}

TEST(SnapshotBuilder, ASorryServerOnTheDirectorHasNoNextHop) {
  config::Config config = web_and_dns();
  config.services.pop_back();
  config.services[0].quorum = 2;
  config.services[0].sorry_server.emplace().address = endpoint("127.0.0.1:80");
  Inventory inventory(config::seal(config));
  inventory.services().front().servers.front().changes.in_force.admin_state = AdminState::kMaint;
  const SnapshotSpec snapshot = build(inventory);
  const RealServerSpec& sorry = snapshot.services[0].real_servers.at(1);
  EXPECT_TRUE(sorry.local);
  EXPECT_TRUE(sorry.up);
  EXPECT_EQ(sorry.mode, Mode::kDr);
  EXPECT_EQ(sorry.next_hop, std::nullopt);
  EXPECT_EQ(read_snapshot(snapshot, inventory).sorry.size(), 1u) << "after a restart it is in use";
}

TEST(SnapshotBuilder, OmitsAServiceWithoutAddresses) {
  Inventory inventory(config::seal(web_and_dns()));
  SnapshotSpec snapshot = build(inventory);
  snapshot.services[1].addresses.clear();
  const Running running = read_snapshot(snapshot, inventory);
  ASSERT_EQ(running.servers.size(), 1u);
  EXPECT_EQ(running.servers.begin()->second, (Running::Server{true, false, kNextHop}));
}

}  // namespace
}  // namespace lb::controlplane
