#include "dataplane/service/build.h"

#include <gtest/gtest.h>

#include "dataplane/service/testing/spec.h"

namespace lb {
namespace {

Ipv4Endpoint endpoint(const char* text) {
  return Ipv4Endpoint::parse(text).value();
}

std::vector<PortInfo> wan() {
  PortInfo port;
  port.name = "wan";
  return {port};
}

SnapshotSpec good() {
  SnapshotSpec spec;
  spec.port_addresses = {{"wan", 0, Ipv4Address::from_host(0x0a000001)}};
  spec.port_macs = {{"wan", {{2, 0, 0, 0, 0, 1}}}};
  RealServerSpec rs;
  rs.address = endpoint("10.0.0.11:80");
  rs.next_hop = {"wan", 0, {}};
  ServiceSpec service;
  service.name = "web";
  service.addresses = {test::single("192.0.2.10:80")};
  service.real_servers = {rs};
  rs.address = endpoint("10.0.0.12:80");
  service.real_servers.push_back(rs);
  spec.services = {service};
  return spec;
}

std::string complaint(const SnapshotSpec& spec, const std::vector<PortInfo>& ports = wan()) {
  const Result<void> result = check(spec, ports);
  return result ? "" : result.error().message;
}

TEST(CheckSpec, AGoodOneAndAnEmptyOnePass) {
  EXPECT_EQ(complaint(good()), "");
  EXPECT_EQ(complaint({}), "");
}

TEST(CheckSpec, TwoServicesMayShareAServerAndDifferInProtocol) {
  SnapshotSpec spec = good();
  spec.services.push_back(spec.services[0]);
  spec.services[1].protocol = Protocol::kUdp;
  EXPECT_EQ(complaint(spec), "");
}

TEST(CheckSpec, ServiceTwice) {
  SnapshotSpec spec = good();
  spec.services.push_back(spec.services[0]);
  spec.services[1].name = "again";
  EXPECT_EQ(complaint(spec), "service again (tcp 192.0.2.10:80) is there twice");
}

TEST(CheckSpec, RealServerTwice) {
  SnapshotSpec spec = good();
  spec.services[0].real_servers[1] = spec.services[0].real_servers[0];
  EXPECT_EQ(complaint(spec),
            "service web (tcp 192.0.2.10:80): real server 10.0.0.11:80 is there twice");
}

TEST(CheckSpec, RealServerIsTheServiceItself) {
  SnapshotSpec spec = good();
  spec.services[0].real_servers[1].address = spec.services[0].addresses[0].front();
  EXPECT_EQ(complaint(spec),
            "service web (tcp 192.0.2.10:80): real server 192.0.2.10:80 is the "
            "service's own address");
}

TEST(CheckSpec, PortThatDoesNotExist) {
  SnapshotSpec spec = good();
  spec.services[0].real_servers[1].next_hop->port = "dmz";
  EXPECT_EQ(complaint(spec),
            "service web: real server 10.0.0.12:80: next hop: there is no port 'dmz'");
  spec.services[0].real_servers[1].next_hop.reset();
  EXPECT_EQ(complaint(spec), "") << "not resolved yet";
  spec.port_macs[0].port = "dmz";
  EXPECT_EQ(complaint(spec), "port MAC address: there is no port 'dmz'");
  spec.port_addresses[0].port = "dmz";
  EXPECT_EQ(complaint(spec), "port address: there is no port 'dmz'");
}

TEST(CheckSpec, MacAddressOfAGroup) {
  SnapshotSpec spec = good();
  spec.port_macs[0].mac.bytes[0] = 1;
  EXPECT_EQ(complaint(spec), "port wan: a MAC address has 6 bytes and is not a group's");
}

TEST(CheckSpec, Vlan) {
  SnapshotSpec spec = good();
  spec.services[0].real_servers[0].next_hop->vlan = 4095;
  EXPECT_NE(complaint(spec).find("VLAN id 4095"), std::string::npos);
  spec = good();
  spec.port_addresses[0].vlan = 4095;
  EXPECT_EQ(complaint(spec), "port wan: VLAN id 4095 is above 4094");
}

TEST(CheckSpec, PoliciesAndSourceRoutes) {
  SnapshotSpec spec = good();
  spec.port_policies = {{"wan", {1, 4094}, AntiSpoof::kStrict, true}};
  spec.source_routes = {{Prefix::parse("0.0.0.0/0").value(), "wan", 4094},
                        {Prefix::parse("2001:db8::/32").value(), "wan", 0}};
  EXPECT_EQ(complaint(spec), "");
  for (const std::uint16_t vlan : std::initializer_list<std::uint16_t>{0, 4095}) {
    spec.port_policies[0].vlans = {vlan};
    EXPECT_EQ(complaint(spec), "port wan: VLAN id " + std::to_string(vlan) + " is not 1 to 4094");
  }
  spec.port_policies[0].port = "dmz";
  EXPECT_EQ(complaint(spec), "port policy: there is no port 'dmz'");
  spec.port_policies.clear();
  spec.source_routes[0].vlan = 4095;
  EXPECT_EQ(complaint(spec), "source route: VLAN id 4095 is above 4094");
  spec.source_routes[0].port = "dmz";
  EXPECT_EQ(complaint(spec), "source route: there is no port 'dmz'");
}

TEST(CheckSpec, NumbersOutOfRange) {
  SnapshotSpec spec = good();
  spec.services[0].persistence = std::chrono::seconds(1);
  spec.services[0].persistence_prefix = 33;
  EXPECT_EQ(complaint(spec), "service web (tcp 192.0.2.10:80): persistence_prefix is not 1 to 32");
  spec = good();
  spec.services[0].addresses[0].first = spec.services[0].addresses[0].last = 0;
  EXPECT_EQ(complaint(spec), "service web (tcp 192.0.2.10:0) has port 0");
  std::vector<PortInfo> narrow = wan();
  narrow[0].mtu = 67;
  EXPECT_EQ(complaint(good(), narrow), "port wan: MTU 67 is below 68");
}

TEST(CheckSpec, Addresses) {
  SnapshotSpec spec = good();
  ServiceSpec& web = spec.services[0];
  const Address vip = web.addresses[0].address;
  web.addresses = {{vip, 80, 90}, {vip, 80, 80}};
  web.real_servers[0].address.port = 0;
  EXPECT_EQ(complaint(spec), "");
  web.addresses.push_back({vip, 80, 80});
  EXPECT_EQ(complaint(spec),
            "service web (tcp 192.0.2.10:80-90) is there twice, with 192.0.2.10:80");
  web.addresses.back() = {vip, 9, 8};
  EXPECT_EQ(complaint(spec), "service web (tcp 192.0.2.10:80-90) has a range that is empty");
  web.addresses.clear();
  EXPECT_EQ(complaint(spec), "service web has no address");
}

TEST(CheckSpec, Ipv6IsRefusedWhereThePacketPathGoesByTheAddress) {
  const Address ipv6 = Address::parse("2001:db8::1").value();
  SnapshotSpec spec = good();
  spec.services[0].addresses.push_back({ipv6, 80, 80});
  EXPECT_EQ(complaint(spec),
            "service web (tcp 192.0.2.10:80) has the address [2001:db8::1]:80; the packet path "
            "forwards IPv4 only");
  spec = good();
  spec.services[0].real_servers[1].address = {ipv6, 80};
  EXPECT_EQ(complaint(spec),
            "service web (tcp 192.0.2.10:80): real server [2001:db8::1]:80 is IPv6; the packet "
            "path forwards IPv4 only");
  spec = good();
  spec.port_addresses[0].address = ipv6;
  EXPECT_EQ(complaint(spec), "port wan: address 2001:db8::1; the packet path forwards IPv4 only");
  spec = good();
  spec.own_addresses = {ipv6};
  EXPECT_EQ(complaint(spec), "own address 2001:db8::1; the packet path forwards IPv4 only");
  spec = good();
  spec.held_addresses = {ipv6};
  EXPECT_EQ(complaint(spec), "held address 2001:db8::1; the packet path forwards IPv4 only");
}

TEST(CheckSpec, TableShares) {
  SnapshotSpec spec = good();
  spec.services.push_back(spec.services[0]);
  spec.services[1].addresses = {test::single("192.0.2.11:80")};
  spec.services[0].table_share = 50;
  spec.services[1].table_share = 30;
  EXPECT_EQ(complaint(spec), "");
  spec.services[1].table_share = 31;
  EXPECT_EQ(complaint(spec), "the services keep 81 % of the connection table, more than 80");
}

TEST(CheckSpec, OnePacket) {
  SnapshotSpec spec = good();
  ServiceSpec& web = spec.services[0];
  web.one_packet = true;
  EXPECT_EQ(complaint(spec), "service web (tcp 192.0.2.10:80) is not UDP, but one_packet");
  web.protocol = Protocol::kUdp;
  EXPECT_EQ(complaint(spec), "");
  web.addresses = {{web.addresses[0].address, 80, 81}};
  EXPECT_EQ(
      complaint(spec),
      "service web (udp 192.0.2.10:80-81) is one_packet in NAT mode and has several addresses");
  web.mode = Mode::kDr;
  EXPECT_EQ(complaint(spec), "");
}

TEST(CheckSpec, SynProxy) {
  const std::string refusal = " has a SYN proxy, which needs TCP in NAT mode";
  for (const SynProxyMode mode : {SynProxyMode::kAdaptive, SynProxyMode::kAlways}) {
    SnapshotSpec spec = good();
    ServiceSpec& web = spec.services[0];
    web.syn_proxy = mode;
    EXPECT_EQ(complaint(spec), "");
    web.real_servers[0].mode = Mode::kDr;
    EXPECT_EQ(complaint(spec), "service web (tcp 192.0.2.10:80)" + refusal);
    web.real_servers[0].mode.reset();
    web.protocol = Protocol::kUdp;
    EXPECT_EQ(complaint(spec), "service web (udp 192.0.2.10:80)" + refusal);
    web.protocol = Protocol::kTcp;
    web.mode = Mode::kDr;
    EXPECT_EQ(complaint(spec), "service web (tcp 192.0.2.10:80)" + refusal);
    web.syn_proxy = SynProxyMode::kOff;
    EXPECT_EQ(complaint(spec), "");
  }
}

TEST(CheckSpec, ServerOnTheDirector) {
  SnapshotSpec spec = good();
  ServiceSpec& web = spec.services[0];
  web.syn_proxy = SynProxyMode::kAlways;
  RealServerSpec& local = web.real_servers[1];
  local = {.address = endpoint("127.0.0.1:80"), .mode = Mode::kDr, .local = true};
  EXPECT_EQ(complaint(spec), "");
  local.next_hop = web.real_servers[0].next_hop;
  const std::string name = "service web (tcp 192.0.2.10:80): real server 127.0.0.1:80 ";
  EXPECT_EQ(complaint(spec), name + "is the director itself, and has a next hop");
  local.next_hop.reset();
  local.mode.reset();
  EXPECT_EQ(complaint(spec),
            name + "is the director itself, which gets packets as they are, and not in DR mode");
}

TEST(CheckSpec, Limits) {
  std::vector<PortInfo> many = wan();
  many.resize(kMaxPorts + 1, many[0]);
  EXPECT_EQ(complaint(good(), many), "at most 16 ports are supported, not 17");

  SnapshotSpec spec = good();
  const ServiceSpec service = spec.services[0];
  spec.services.clear();
  for (std::uint32_t i = 0; i <= kMaxServiceSlots; ++i) {
    spec.services.push_back(service);
    spec.services.back().addresses[0].address = Ipv4Address::from_host(0xc0000000 + i);
  }
  EXPECT_EQ(complaint(spec), "at most 16384 services are supported, not 16385");

  spec = good();
  spec.services[0].real_servers.clear();
  for (std::uint32_t i = 0; i <= kMaxRealServerSlots; ++i) {
    RealServerSpec rs;
    rs.address = {Ipv4Address::from_host(0x0a000000 + i), 80};
    spec.services[0].real_servers.push_back(rs);
  }
  EXPECT_EQ(complaint(spec), "at most 65536 real servers are supported, not 65537");
}

}  // namespace
}  // namespace lb
