#include "dataplane/service/snapshot.h"

#include <gtest/gtest.h>

#include <random>

namespace lb {
namespace {

ServiceEntry configured(std::uint32_t address, std::uint16_t port, std::uint8_t proto) {
  ServiceEntry service;
  service.address = Be32::from_host(address);
  service.port = Be16::from_host(port);
  service.proto = proto;
  service.configured = true;
  return service;
}

std::uint32_t find(const Snapshot& s, std::uint32_t address, std::uint16_t port,
                   std::uint8_t proto) {
  return s.find_service(Be32::from_host(address), Be16::from_host(port), proto);
}

TEST(FindService, FindsNothingInAnEmptySnapshot) {
  Snapshot snapshot;
  EXPECT_EQ(find(snapshot, 1, 80, kProtoTcp), kNoSlot);
  snapshot.build_index();
  EXPECT_EQ(find(snapshot, 1, 80, kProtoTcp), kNoSlot);
}

TEST(FindService, EveryPartOfTheKeyCounts) {
  Snapshot snapshot;
  snapshot.services = {configured(0xc000020a, 80, kProtoTcp), configured(0xc000020a, 80, kProtoUdp),
                       configured(0xc000020a, 81, kProtoTcp),
                       configured(0xc000020b, 80, kProtoTcp)};
  snapshot.build_index();
  EXPECT_EQ(find(snapshot, 0xc000020a, 80, kProtoTcp), 0U);
  EXPECT_EQ(find(snapshot, 0xc000020a, 80, kProtoUdp), 1U);
  EXPECT_EQ(find(snapshot, 0xc000020a, 81, kProtoTcp), 2U);
  EXPECT_EQ(find(snapshot, 0xc000020b, 80, kProtoTcp), 3U);
  EXPECT_EQ(find(snapshot, 0xc000020b, 80, kProtoUdp), kNoSlot);
  EXPECT_EQ(find(snapshot, 0, 0, 0), kNoSlot);
}

TEST(FindService, ASlotKeptForOldConnectionsIsNotFound) {
  Snapshot snapshot;
  snapshot.services = {configured(1, 80, kProtoTcp), configured(2, 80, kProtoTcp)};
  snapshot.services[0].configured = false;
  snapshot.build_index();
  EXPECT_EQ(find(snapshot, 1, 80, kProtoTcp), kNoSlot);
  EXPECT_EQ(find(snapshot, 2, 80, kProtoTcp), 1U);
}

TEST(FindService, ASinglePortWinsOverRanges) {
  Snapshot snapshot;
  snapshot.services = {configured(9, 80, kProtoTcp), configured(9, 1, kProtoTcp),
                       configured(9, 80, kProtoTcp)};
  const Ipv4Address vip = Ipv4Address::from_host(9);
  snapshot.services[1].addresses = {{vip, 1, 65'535}};
  snapshot.services[2].addresses = {{vip, 80, 90}, {vip, 443, 443}};
  snapshot.build_index();
  EXPECT_EQ(find(snapshot, 9, 80, kProtoTcp), 0U);
  EXPECT_EQ(find(snapshot, 9, 81, kProtoTcp), 2U);
  EXPECT_EQ(find(snapshot, 9, 443, kProtoTcp), 2U);
  EXPECT_EQ(find(snapshot, 9, 91, kProtoTcp), 1U);
  EXPECT_EQ(find(snapshot, 9, 91, kProtoUdp), kNoSlot);
  // Each has a name of its own.
  EXPECT_EQ(snapshot.name_of_service(0), (Ipv4Endpoint{vip, 80}));
  EXPECT_EQ(snapshot.name_of_service(1), (Ipv4Endpoint{vip, 1}));
  EXPECT_EQ(snapshot.name_of_service(2), (Ipv4Endpoint{vip, 81}));
  snapshot.services[2].addresses = {{vip, 80, 80}};
  snapshot.services[0].addresses = {{vip, 80, 81}, {vip, 80, 80}};
  snapshot.services[2].configured = false;
  snapshot.build_index();
  EXPECT_EQ(snapshot.name_of_service(2), std::nullopt);
}

TEST(FindRealServer, TheOneWithThePortOrTheOneWithAll) {
  Snapshot snapshot;
  snapshot.services = {configured(9, 80, kProtoTcp)};
  snapshot.real_servers.resize(2);
  for (auto& rs : snapshot.real_servers) {
    rs.service = 0;
    rs.address = Be32::from_host(11);
  }
  snapshot.real_servers[1].port = Be16::from_host(8080);
  snapshot.build_index();
  EXPECT_EQ(snapshot.find_real_server(0, Be32::from_host(11), Be16::from_host(8080)), 1U);
  EXPECT_EQ(snapshot.find_real_server(0, Be32::from_host(11), Be16::from_host(8081)), 0U);
  EXPECT_EQ(snapshot.find_real_server(0, Be32::from_host(12), Be16::from_host(8081)), kNoSlot);
}

// Neighbouring addresses, neighbouring ports, and anything.
TEST(FindService, FindsEachOf16kServicesAndNoOther) {
  std::mt19937 random(3);
  for (int layout = 0; layout < 3; ++layout) {
    Snapshot snapshot;
    for (std::uint32_t i = 0; i < kMaxServiceSlots; ++i) {
      const std::uint8_t proto = i % 2 == 0 ? kProtoTcp : kProtoUdp;
      const std::uint32_t n = i / 2;
      const auto service =
          layout == 0   ? configured(0x0a000000 + n, 80, proto)
          : layout == 1 ? configured(0x0a000001, static_cast<std::uint16_t>(1 + n), proto)
                        : configured((n << 16) | (random() & 0xffff),
                                     static_cast<std::uint16_t>(1 + random() % 65'535), proto);
      snapshot.services.push_back(service);
    }
    snapshot.build_index();
    EXPECT_GE(snapshot.index.size(), 2 * snapshot.services.size());
    std::size_t longest = 0;
    std::size_t run = 0;
    for (const Snapshot::IndexEntry& entry : snapshot.index) {
      run = entry.slot == kNoSlot ? 0 : run + 1;
      longest = std::max(longest, run);
    }
    EXPECT_LT(longest, 64U) << "layout " << layout;
    for (std::uint32_t i = 0; i < kMaxServiceSlots; ++i) {
      const ServiceEntry& s = snapshot.services[i];
      ASSERT_EQ(snapshot.find_service(s.address, s.port, s.proto), i);
      ASSERT_EQ(find(snapshot, 0xc0000000 + i, s.port.host(), s.proto), kNoSlot);
    }
  }
}

TEST(PortInfo, AddressOnAVlan) {
  PortInfo port;
  port.addresses = {{0, Be32::from_host(1)}, {100, Be32::from_host(2)}, {100, Be32::from_host(3)}};
  EXPECT_EQ(port.address_on(0).host(), 1U);
  EXPECT_EQ(port.address_on(100).host(), 2U);
  EXPECT_EQ(port.address_on(101).host(), 0U);
}

}  // namespace
}  // namespace lb
