#include "dataplane/control/convert.h"

#include <gtest/gtest.h>

#include <functional>

#include "dataplane/control/test_messages.h"

namespace lb {
namespace {

using test::two_ports;
using test::web_snapshot;

TEST(Convert, EveryFieldArrives) {
  api::Snapshot message = web_snapshot();
  auto* address = message.add_port_addresses();
  address->set_port("wan");
  address->set_vlan(100);
  address->set_address(test::bytes("192.0.2.2"));
  auto& service = *message.mutable_services(0);
  service.set_protocol(api::UDP);
  service.set_mode(api::DR);
  auto& range = *service.add_addresses();
  range.set_address(test::bytes("192.0.2.10"));
  range.set_first_port(80);
  range.set_last_port(90);
  service.set_scheduler(api::WLC);
  service.set_on_server_down(api::KEEP);
  auto& rs = *service.mutable_real_servers(0);
  rs.set_weight(7);
  rs.set_mode(api::NAT);
  rs.mutable_next_hop()->set_vlan(200);
  service.mutable_real_servers(1)->set_up(false);
  service.mutable_real_servers(1)->clear_next_hop();
  message.mutable_timeouts()->set_udp(250);
  service.set_persistence_ms(5'001);
  service.set_persistence_prefix(24);
  service.set_group("shop");
  service.set_one_packet(true);
  *service.mutable_timeouts() = message.timeouts();
  service.mutable_timeouts()->set_udp(1'000);
  message.add_own_addresses(test::bytes("192.0.2.2"));

  const auto spec = to_spec(message, two_ports());
  ASSERT_TRUE(spec) << spec.error().message;
  ASSERT_EQ(spec->ports.size(), 2U);
  ASSERT_EQ(spec->ports[0].addresses.size(), 1U);
  EXPECT_EQ(spec->ports[0].addresses[0].vlan, 100);
  EXPECT_EQ(spec->ports[0].addresses[0].address, Ipv4Address::parse("192.0.2.2").value().be);
  ASSERT_EQ(spec->services.size(), 1U);
  const ServiceSpec& web = spec->services[0];
  EXPECT_EQ(web.name, "web");
  EXPECT_EQ(web.proto, kProtoUdp);
  EXPECT_EQ(web.address.to_string(), "192.0.2.10:80");
  ASSERT_EQ(web.addresses.size(), 1U);
  EXPECT_EQ(web.addresses[0].to_string(), "192.0.2.10:80-90");
  EXPECT_EQ(web.mode, Mode::kDr);
  EXPECT_EQ(web.scheduler, Scheduler::kWlc);
  EXPECT_EQ(web.on_server_down, OnServerDown::kKeep);
  ASSERT_EQ(web.real_servers.size(), 2U);
  EXPECT_EQ(web.real_servers[0].address.to_string(), "10.0.0.11:80");
  EXPECT_EQ(web.real_servers[0].weight, 7);
  EXPECT_TRUE(web.real_servers[0].up);
  EXPECT_EQ(web.real_servers[0].mode, Mode::kNat);
  EXPECT_EQ(web.real_servers[1].mode, std::nullopt);
  ASSERT_TRUE(web.real_servers[0].resolved);
  EXPECT_EQ(web.real_servers[0].next_hop.port, 1);
  EXPECT_EQ(web.real_servers[0].next_hop.vlan, 200);
  EXPECT_EQ(web.real_servers[0].next_hop.mac.to_string(), "02:00:00:00:01:01");
  EXPECT_EQ(web.persistence_ticks, 51u);
  EXPECT_EQ(web.persistence_prefix, 24);
  EXPECT_EQ(web.group, "shop");
  EXPECT_TRUE(web.one_packet);
  ASSERT_TRUE(web.timeout_ticks);
  EXPECT_EQ((*web.timeout_ticks)[static_cast<std::size_t>(ConnState::kUdp)], 10U);
  EXPECT_EQ(spec->own_addresses, std::vector{Ipv4Address::parse("192.0.2.2").value().be});
  EXPECT_FALSE(web.real_servers[1].up);
  EXPECT_FALSE(web.real_servers[1].resolved);
  // Milliseconds become ticks, rounded up.
  EXPECT_EQ(spec->timeout_ticks[static_cast<std::size_t>(ConnState::kUdp)], 3U);
  EXPECT_EQ(spec->timeout_ticks[static_cast<std::size_t>(ConnState::kEstablished)], 9000U);
}

TEST(Convert, AccessListsAreSharedAndNotBuiltAgain) {
  api::Snapshot message = web_snapshot();
  auto& list = *message.add_access_lists();
  list.set_deny(test::bytes("198.51.100.0") + '\x18');
  list.set_others(true);
  message.mutable_services(0)->set_access_list(1);
  message.mutable_services(0)->mutable_limits()->set_new_per_second(7);
  message.mutable_services(0)->mutable_limits()->set_client_prefix(24);
  const auto spec = to_spec(message, two_ports());
  ASSERT_TRUE(spec) << spec.error().message;
  const ServiceSpec& web = spec->services[0];
  ASSERT_NE(web.access, nullptr);
  EXPECT_FALSE(web.access->allows(Ipv4Address::parse("198.51.100.7")->be));
  EXPECT_TRUE(web.access->allows(Ipv4Address::parse("198.51.101.7")->be));
  EXPECT_EQ(web.limits.per_second, 7U);
  EXPECT_EQ(web.limits.client_prefix, 24);
  const auto again = to_spec(message, two_ports(), &*spec);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->services[0].access, web.access);
  message.mutable_services(0)->set_access_list(2);
  EXPECT_EQ(to_spec(message, two_ports()).error().message,
            "service web: there is no such access list");
}

TEST(Convert, AddressesOfTheLastSnapshotAreForgotten) {
  auto ports = two_ports();
  ports[0].addresses.push_back({0, Ipv4Address::parse("192.0.2.9").value().be});
  const auto spec = to_spec(web_snapshot(), ports);
  ASSERT_TRUE(spec);
  EXPECT_TRUE(spec->ports[0].addresses.empty());
}

struct Mistake {
  const char* name;
  std::function<void(api::Snapshot&)> make;
  const char* message;
};

class ConvertMistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(ConvertMistakes, AreNamed) {
  api::Snapshot message = web_snapshot();
  GetParam().make(message);
  const auto spec = to_spec(message, two_ports());
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().message, GetParam().message);
}

api::Service& web(api::Snapshot& m) {
  return *m.mutable_services(0);
}
api::RealServer& rs(api::Snapshot& m) {
  return *web(m).mutable_real_servers(1);
}

INSTANTIATE_TEST_SUITE_P(
    All, ConvertMistakes,
    ::testing::Values(
        Mistake{"Protocol", [](auto& m) { web(m).set_protocol(api::PROTOCOL_UNSPECIFIED); },
                "service web: unknown protocol 0"},
        Mistake{"Address", [](auto& m) { web(m).set_address("abc"); },
                "service web: an IPv4 address has 4 bytes, not 3"},
        Mistake{"Port", [](auto& m) { web(m).set_port(70'000); },
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
        Mistake{"RealServerAddress", [](auto& m) { rs(m).clear_address(); },
                "service web: real server: an IPv4 address has 4 bytes, not 0"},
        Mistake{"Weight", [](auto& m) { rs(m).set_weight(65'536); },
                "service web: real server 10.0.0.12:80: weight 65536 is above 65535"},
        Mistake{"NextHopPort", [](auto& m) { rs(m).mutable_next_hop()->set_port("dmz"); },
                "service web: real server 10.0.0.12:80: next hop: there is no port 'dmz'"},
        Mistake{"NextHopVlan", [](auto& m) { rs(m).mutable_next_hop()->set_vlan(4095); },
                "service web: real server 10.0.0.12:80: next hop: VLAN 4095 is above 4094"},
        Mistake{"NextHopMac", [](auto& m) { rs(m).mutable_next_hop()->set_mac("x"); },
                "service web: real server 10.0.0.12:80: next hop: a MAC address has 6 bytes"},
        Mistake{"PortAddress", [](auto& m) { m.add_port_addresses()->set_port("dmz"); },
                "port address: there is no port 'dmz'"},
        Mistake{"OwnAddress", [](auto& m) { m.add_own_addresses("x"); },
                "own address: an IPv4 address has 4 bytes, not 1"},
        Mistake{"ServiceTimeout", [](auto& m) { web(m).mutable_timeouts()->set_udp(1); },
                "service web: timeout tcp_syn_sent is not set"},
        Mistake{"Timeout", [](auto& m) { m.mutable_timeouts()->set_tcp_closed(0); },
                "timeout tcp_closed is not set"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace lb
