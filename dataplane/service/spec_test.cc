#include "dataplane/service/spec.h"

#include <gtest/gtest.h>

namespace lb {
namespace {

Ipv4Endpoint endpoint(const char* text) {
  return Ipv4Endpoint::parse(text).value();
}

SnapshotSpec good() {
  SnapshotSpec spec;
  PortInfo port;
  port.name = "wan";
  port.addresses = {{0, Ipv4Address::from_host(0x0a000001).be}};
  spec.ports = {port};
  RealServerSpec rs;
  rs.address = endpoint("10.0.0.11:80");
  rs.resolved = true;
  ServiceSpec service;
  service.name = "web";
  service.address = endpoint("192.0.2.10:80");
  service.real_servers = {rs};
  rs.address = endpoint("10.0.0.12:80");
  service.real_servers.push_back(rs);
  spec.services = {service};
  return spec;
}

std::string complaint(const SnapshotSpec& spec) {
  const Result<void> result = check(spec);
  return result ? "" : result.error().message;
}

TEST(CheckSpec, AGoodOneAndAnEmptyOnePass) {
  EXPECT_EQ(complaint(good()), "");
  EXPECT_EQ(complaint({}), "");
}

TEST(CheckSpec, TwoServicesMayShareAServerAndDifferInProtocol) {
  SnapshotSpec spec = good();
  spec.services.push_back(spec.services[0]);
  spec.services[1].proto = kProtoUdp;
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
  spec.services[0].real_servers[1].address = spec.services[0].address;
  EXPECT_EQ(complaint(spec),
            "service web (tcp 192.0.2.10:80): real server 192.0.2.10:80 is the "
            "service's own address");
}

TEST(CheckSpec, PortThatDoesNotExist) {
  SnapshotSpec spec = good();
  spec.services[0].real_servers[1].next_hop.port = 1;
  EXPECT_EQ(complaint(spec),
            "service web (tcp 192.0.2.10:80): real server 10.0.0.12:80 is behind "
            "port number 1, which does not exist");
  spec.services[0].real_servers[1].resolved = false;
  EXPECT_EQ(complaint(spec), "") << "the next hop means nothing before it is resolved";
}

TEST(CheckSpec, Vlan) {
  SnapshotSpec spec = good();
  spec.services[0].real_servers[0].next_hop.vlan = 4095;
  EXPECT_NE(complaint(spec).find("VLAN id 4095"), std::string::npos);
  spec = good();
  spec.ports[0].addresses[0].vlan = 4095;
  EXPECT_EQ(complaint(spec), "port wan: VLAN id 4095 is above 4094");
}

TEST(CheckSpec, NumbersOutOfRange) {
  SnapshotSpec spec = good();
  spec.services[0].proto = 1;
  EXPECT_NE(complaint(spec).find("protocol number 1"), std::string::npos);
  spec = good();
  spec.services[0].address.port = 0;
  EXPECT_EQ(complaint(spec), "service web (tcp 192.0.2.10:0) has port 0");
  spec = good();
  spec.ports[0].mtu = 67;
  EXPECT_EQ(complaint(spec), "port wan: MTU 67 is below 68");
}

TEST(CheckSpec, Addresses) {
  SnapshotSpec spec = good();
  ServiceSpec& web = spec.services[0];
  const Ipv4Address vip = web.address.address;
  web.addresses = {{vip, 80, 90}, {vip, 80, 80}};
  web.real_servers[0].address.port = 0;
  EXPECT_EQ(complaint(spec), "");
  web.addresses.push_back({vip, 80, 80});
  EXPECT_EQ(complaint(spec),
            "service web (tcp 192.0.2.10:80-90) is there twice, with 192.0.2.10:80");
  web.addresses.back() = {vip, 9, 8};
  EXPECT_EQ(complaint(spec), "service web (tcp 192.0.2.10:80-90) has a range that is empty");
  web.addresses = {{vip, 81, 90}};
  EXPECT_EQ(complaint(spec), "service web (tcp 192.0.2.10:81-90) has another first address");
}

TEST(CheckSpec, OnePacket) {
  SnapshotSpec spec = good();
  ServiceSpec& web = spec.services[0];
  web.one_packet = true;
  EXPECT_EQ(complaint(spec), "service web (tcp 192.0.2.10:80) is not UDP, but one_packet");
  web.proto = kProtoUdp;
  EXPECT_EQ(complaint(spec), "");
  web.addresses = {{web.address.address, 80, 81}};
  EXPECT_EQ(
      complaint(spec),
      "service web (udp 192.0.2.10:80-81) is one_packet in NAT mode and has several addresses");
  web.mode = Mode::kDr;
  EXPECT_EQ(complaint(spec), "");
}

TEST(CheckSpec, Limits) {
  SnapshotSpec spec = good();
  spec.ports.resize(kMaxPorts + 1, spec.ports[0]);
  EXPECT_EQ(complaint(spec), "at most 16 ports are supported, not 17");

  spec = good();
  const ServiceSpec service = spec.services[0];
  spec.services.clear();
  for (std::uint32_t i = 0; i <= kMaxServiceSlots; ++i) {
    spec.services.push_back(service);
    spec.services.back().address.address = Ipv4Address::from_host(0xc0000000 + i);
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
