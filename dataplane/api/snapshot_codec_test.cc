#include "dataplane/api/snapshot_codec.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "config/base/testing/randomised.h"
#include "dataplane/api/testing/random_spec.h"

namespace lb {
namespace {

Ipv4Address ip(const char* text) {
  return Ipv4Address::parse(text).value();
}

// "web" on 192.0.2.10:80 with two servers behind "lan".
SnapshotSpec web_spec() {
  ServiceSpec web;
  web.name = "web";
  web.addresses = {{ip("192.0.2.10"), 80, 80}};
  for (const char* address : {"10.0.0.11", "10.0.0.12"}) {
    RealServerSpec& server = web.real_servers.emplace_back();
    server.address = {ip(address), 80};
    server.up = true;
    server.next_hop = {"lan", 0, {{2, 0, 0, 0, 1, 1}}};
  }
  SnapshotSpec spec;
  spec.services = {web};
  return spec;
}

// Each field that a struct has, and none of them as it is by default: a field that the codec
// forgets comes back as the default. random_spec.h does not compile when it forgets one itself.
TEST(SnapshotCodec, EveryFieldArrives) {
  test::RandomSpec random(1);
  const SnapshotSpec spec = random.snapshot(test::RandomSpec::kEveryField);
  const auto back = from_api(to_api(spec));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, spec);
}

TEST(SnapshotCodec, CarriesDefaultsToo) {
  for (const SnapshotSpec& spec : {SnapshotSpec{}, web_spec()}) {
    const auto back = from_api(to_api(spec));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, spec);
  }
}

TEST(SnapshotCodec, RandomSpecsArrive) {
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE("LB_SEED=" + std::to_string(seed));
  test::RandomSpec random(seed);
  for (unsigned round = 0; round < test::rounds(2'000); ++round) {
    const SnapshotSpec spec = random.snapshot();
    const api::Snapshot message = to_api(spec);
    const auto back = from_api(message);
    ASSERT_TRUE(back) << round << ": " << back.error().message;
    ASSERT_EQ(*back, spec) << round;
    ASSERT_EQ(to_api(*back).SerializeAsString(), message.SerializeAsString()) << round;
  }
}

TEST(SnapshotCodec, TheMessage) {
  SnapshotSpec spec = web_spec();
  ServiceSpec& web = spec.services[0];
  web.addresses = {{ip("192.0.2.10"), 80, 90}};
  web.mode = Mode::kDr;
  web.sync = false;
  web.persistence = std::chrono::milliseconds(5'001);
  web.real_servers[0].next_hop->vlan = 200;
  web.real_servers[1].next_hop.reset();
  spec.port_addresses = {{"wan", 100, ip("192.0.2.2")}};
  const api::Snapshot message = to_api(spec);
  EXPECT_EQ(message.port_addresses(0).address(), std::string("\xc0\x00\x02\x02", 4));
  EXPECT_EQ(message.timeouts().udp(), 300'000U);
  const api::Service& service = message.services(0);
  EXPECT_EQ(service.protocol(), api::TCP);
  EXPECT_EQ(service.addresses(0).address(), std::string("\xc0\x00\x02\x0a", 4));
  EXPECT_EQ(service.addresses(0).first_port(), 80U);
  EXPECT_EQ(service.addresses(0).last_port(), 90U);
  EXPECT_EQ(service.mode(), api::DR);
  EXPECT_FALSE(service.sync());
  EXPECT_EQ(service.persistence_ms(), 5'001U);
  EXPECT_FALSE(service.has_timeouts());
  EXPECT_FALSE(service.has_limits());
  EXPECT_EQ(service.access_list(), 0U);
  EXPECT_FALSE(service.real_servers(0).has_mode());
  EXPECT_FALSE(service.real_servers(0).has_healthy());
  EXPECT_EQ(service.real_servers(0).next_hop().vlan(), 200U);
  EXPECT_EQ(service.real_servers(0).next_hop().mac(), std::string("\x02\x00\x00\x00\x01\x01", 6));
  EXPECT_FALSE(service.real_servers(1).has_next_hop());
}

TEST(SnapshotCodec, AnAccessListIsSentOnceAndShared) {
  SnapshotSpec spec = web_spec();
  AccessListSpec list;
  list.deny = {{ip("198.51.100.0"), 24}};
  spec.services.resize(3, spec.services[0]);
  spec.services[0].access = SharedAccessList(list);
  spec.services[2].access = SharedAccessList(list);
  api::Snapshot message = to_api(spec);
  ASSERT_EQ(message.access_lists_size(), 1);
  EXPECT_EQ(message.access_lists(0).deny(), std::string("\x04\x18\xc6\x33\x64\x00", 6));
  EXPECT_TRUE(message.access_lists(0).others());
  EXPECT_EQ(message.services(0).access_list(), 1U);
  EXPECT_EQ(message.services(1).access_list(), 0U);
  EXPECT_EQ(message.services(2).access_list(), 1U);
  const auto back = from_api(message);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back->services[0].access, list);
  EXPECT_FALSE(back->services[1].access);
  EXPECT_EQ(&*back->services[0].access, &*back->services[2].access);
}

TEST(SnapshotCodec, DurationsStayWithinTheMessage) {
  SnapshotSpec spec = web_spec();
  spec.services[0].persistence = std::chrono::hours(24 * 365);
  spec.services[0].limits.burst = std::chrono::milliseconds(-1);
  const auto back = from_api(to_api(spec));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->services[0].persistence.count(), 0xffff'ffff);
  EXPECT_EQ(back->services[0].limits.burst.count(), 0);
}

struct Mistake {
  const char* name;
  std::function<void(api::Snapshot&)> make;
  const char* message;
};

class SnapshotMistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(SnapshotMistakes, AreNamed) {
  api::Snapshot message = to_api(web_spec());
  GetParam().make(message);
  const auto spec = from_api(message);
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().message, GetParam().message);
}

api::Service& web(api::Snapshot& m) {
  return *m.mutable_services(0);
}
api::AddressRange& vip(api::Snapshot& m) {
  return *web(m).mutable_addresses(0);
}
api::RealServer& rs(api::Snapshot& m) {
  return *web(m).mutable_real_servers(1);
}

INSTANTIATE_TEST_SUITE_P(
    All, SnapshotMistakes,
    ::testing::Values(
        Mistake{"Protocol", [](auto& m) { web(m).set_protocol(api::PROTOCOL_UNSPECIFIED); },
                "service web: unknown protocol 0"},
        Mistake{"Address", [](auto& m) { vip(m).set_address("abc"); },
                "service web: an address has 4 or 16 bytes, not 3"},
        Mistake{"Port", [](auto& m) { vip(m).set_first_port(70'000); },
                "service web: port 70000 is above 65535"},
        Mistake{"LastPort", [](auto& m) { vip(m).set_last_port(70'000); },
                "service web: port 70000 is above 65535"},
        Mistake{"Mode", [](auto& m) { web(m).set_mode(static_cast<api::Mode>(9)); },
                "service web: unknown mode 9"},
        Mistake{
            "RealServerMode",
            [](auto& m) { web(m).mutable_real_servers(0)->set_mode(static_cast<api::Mode>(9)); },
            "service web: real server 10.0.0.11:80: unknown mode 9"},
        Mistake{"Scheduler", [](auto& m) { web(m).set_scheduler(static_cast<api::Scheduler>(99)); },
                "service web: unknown scheduler 99"},
        Mistake{"OnServerDown",
                [](auto& m) { web(m).set_on_server_down(static_cast<api::OnServerDown>(9)); },
                "service web: unknown on_server_down 9"},
        Mistake{"Persistence",
                [](auto& m) {
                  web(m).set_persistence_ms(1);
                  web(m).set_persistence_prefix(0);
                },
                "service web: persistence_prefix 0 is not 1 to 32"},
        Mistake{"PersistencePrefix", [](auto& m) { web(m).set_persistence_prefix(33); },
                "service web: persistence_prefix 33 is not 1 to 32"},
        Mistake{"TosWithEcn", [](auto& m) { web(m).set_tos(185); },
                "service web: tos 185 is no multiple of 4 up to 252"},
        Mistake{"Tos", [](auto& m) { web(m).set_tos(256); },
                "service web: tos 256 is no multiple of 4 up to 252"},
        Mistake{"NoAccessList", [](auto& m) { web(m).set_access_list(1); },
                "service web: there is no such access list"},
        Mistake{"AccessListCutOff", [](auto& m) { m.add_access_lists()->set_allow("\4\x18xyz"); },
                "access list: the last prefix is truncated"},
        Mistake{"AccessListOneByte", [](auto& m) { m.add_access_lists()->set_allow("\4"); },
                "access list: the last prefix is truncated"},
        Mistake{"AccessListAddress",
                [](auto& m) { m.add_access_lists()->set_allow("\5\x18vwxyz"); },
                "access list: an address has 4 or 16 bytes, not 5"},
        Mistake{"AccessListPrefix", [](auto& m) { m.add_access_lists()->set_deny("\4\x21wxyz"); },
                "access list: a prefix has at most 32 bits"},
        Mistake{"AccessListPrefixOfIpv6",
                [](auto& m) { m.add_access_lists()->set_deny("\x10\x81" + std::string(16, 'x')); },
                "access list: a prefix has at most 128 bits"},
        Mistake{"RealServerAddress", [](auto& m) { rs(m).clear_address(); },
                "service web: real server: an address has 4 or 16 bytes, not 0"},
        Mistake{"Weight", [](auto& m) { rs(m).set_weight(65'536); },
                "service web: real server 10.0.0.12:80: weight 65536 is above 65535"},
        Mistake{"NextHopVlan", [](auto& m) { rs(m).mutable_next_hop()->set_vlan(4095); },
                "service web: real server 10.0.0.12:80: next hop: VLAN 4095 is above 4094"},
        Mistake{"NextHopMac", [](auto& m) { rs(m).mutable_next_hop()->set_mac("x"); },
                "service web: real server 10.0.0.12:80: next hop: a MAC address has 6 bytes"},
        Mistake{"PortAddress", [](auto& m) { m.add_port_addresses()->set_port("wan"); },
                "port wan: an address has 4 or 16 bytes, not 0"},
        Mistake{"PortMac", [](auto& m) { m.add_port_macs()->set_port("wan"); },
                "port wan: a MAC address has 6 bytes and is not a group's"},
        Mistake{"OwnAddress", [](auto& m) { m.add_own_addresses("x"); },
                "own address: an address has 4 or 16 bytes, not 1"},
        Mistake{"HeldAddress", [](auto& m) { m.add_held_addresses("x"); },
                "held address: an address has 4 or 16 bytes, not 1"},
        Mistake{"PolicyVlan",
                [](auto& m) {
                  m.add_port_policies()->set_port("wan");
                  m.mutable_port_policies(0)->add_vlans(4095);
                },
                "port wan: VLAN 4095 is above 4094"},
        Mistake{
            "PolicyAntiSpoof",
            [](auto& m) { m.add_port_policies()->set_anti_spoof(static_cast<api::AntiSpoof>(9)); },
            "port : unknown anti_spoof 9"},
        Mistake{"SourceRoute", [](auto& m) { m.add_source_routes()->set_network("x"); },
                "source route: an address has 4 or 16 bytes, not 1"},
        Mistake{"SourceRoutePrefix",
                [](auto& m) {
                  m.add_source_routes()->set_network("wxyz");
                  m.mutable_source_routes(0)->set_prefix(33);
                },
                "source route: a prefix has at most 32 bits"},
        Mistake{"SourceRouteVlan",
                [](auto& m) {
                  m.add_source_routes()->set_network("wxyz");
                  m.mutable_source_routes(0)->set_vlan(4095);
                },
                "source route: VLAN 4095 is above 4094"},
        Mistake{"ServiceTimeout", [](auto& m) { web(m).mutable_timeouts()->set_udp(1); },
                "service web: timeout tcp_syn_sent is not set"},
        Mistake{"Timeout", [](auto& m) { m.mutable_timeouts()->set_tcp_closed(0); },
                "timeout tcp_closed is not set"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace lb
