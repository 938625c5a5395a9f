// What nobody sends honestly is refused in every kind of frame.
#include <gtest/gtest.h>

#include "dataplane/packet/parse.h"
#include "dataplane/packet/testing/builder.h"

namespace lb {
namespace {

using test::Bytes;
using test::ip;
using test::PacketBuffer;

void expect_fault(const Bytes& frame, DropReason reason) {
  PacketBuffer buffer(frame);
  EXPECT_FALSE(parse_common(buffer.packet));
  parse(buffer.packet);
  EXPECT_EQ(buffer.packet.kind, PacketKind::kBad);
  EXPECT_EQ(buffer.packet.reason, reason);
}

void expect_source_fault(const Bytes& frame, DropReason reason) {
  PacketBuffer buffer(frame);
  parse(buffer.packet);
  EXPECT_NE(buffer.packet.kind, PacketKind::kBad);
  EXPECT_EQ(source_fault(buffer.packet), reason);
}

// Each in a frame of its own, in one with a tag, and in those to a group and to all.
std::vector<test::Ethernet> ethernets() {
  constexpr test::Mac kGroup = {0x01, 0, 0x5e, 0, 0, 18};
  constexpr test::Mac kAll = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  return {{},
          {.vlan = 5},
          {.dst = kGroup},
          {.dst = kGroup, .vlan = 5},
          {.dst = kAll},
          {.dst = kAll, .vlan = 5}};
}

void expect_accepted(const Bytes& frame, PacketKind kind) {
  PacketBuffer buffer(frame);
  parse(buffer.packet);
  EXPECT_EQ(buffer.packet.kind, kind);
  EXPECT_EQ(buffer.packet.reason, DropReason::none);
  EXPECT_EQ(source_fault(buffer.packet), DropReason::none);
}

TEST(ParseFaults, RefusesSourcesThatNoMachineMayHave) {
  for (const test::Ethernet& ethernet : ethernets()) {
    for (const char* address : {"0.1.2.3", "127.0.0.1", "127.255.255.255", "224.0.0.18",
                                "239.255.255.255", "240.0.0.1", "255.255.255.255"}) {
      for (const char* to : {"192.0.2.10", "224.0.0.251", "255.255.255.255"}) {
        expect_fault(test::udp_frame(ethernet, {.src = ip(address), .dst = ip(to)}, {}),
                     DropReason::martian_source);
      }
      expect_fault(test::icmp_frame(ethernet, {.src = ip(address)}, {.type = 3}),
                   DropReason::martian_source);
      expect_fault(test::udp_frame(ethernet, {.src = ip(address), .more_fragments = true}, {}),
                   DropReason::martian_source);
    }
    expect_fault(test::udp_frame(ethernet, {.src = ip("0.0.0.0")}, {}), DropReason::martian_source);
    expect_fault(test::udp_frame(ethernet, {.src = ip("0.0.0.0"), .dst = ip("0.0.0.0")}, {}),
                 DropReason::martian_source);
  }
}

TEST(ParseFaults, LeavesToTheKernelWhoHasNoAddressYet) {
  for (const test::Ethernet& ethernet : ethernets()) {
    for (const char* to : {"255.255.255.255", "224.0.0.1"}) {
      expect_accepted(test::udp_frame(ethernet, {.src = ip("0.0.0.0"), .dst = ip(to)},
                                      {.sport = 68, .dport = 67}),
                      PacketKind::kKernel);
    }
  }
}

TEST(ParseFaults, RefusesWhatComesFromWhereItGoes) {
  const Be32 host = ip("192.0.2.10");
  for (const test::Ethernet& ethernet : ethernets()) {
    const test::Ipv4 land{.src = host, .dst = host};
    expect_source_fault(test::udp_frame(ethernet, land, {}), DropReason::land_packet);
    expect_source_fault(test::tcp_frame(ethernet, land, {.flags = test::kSyn}),
                        DropReason::land_packet);
    expect_source_fault(test::tcp_frame(ethernet, land, {.sport = 80, .dport = 80}),
                        DropReason::land_packet);
    expect_source_fault(test::icmp_frame(ethernet, land, {}), DropReason::land_packet);
    expect_source_fault(test::udp_frame(ethernet, {.src = host, .dst = host, .offset = 800}, {}),
                        DropReason::land_packet);
  }
}

TEST(ParseFaults, RefusesSourceRoutes) {
  const std::uint8_t kLooseRoute = 131, kStrictRoute = 137;
  const Bytes route = {0, 7, 4, 198, 51, 100, 9};  // its type comes first
  for (const test::Ethernet& ethernet : ethernets()) {
    for (const std::uint8_t type : {kLooseRoute, kStrictRoute}) {
      Bytes options = route;
      options[0] = type;
      expect_fault(test::udp_frame(ethernet, {.options = options}, {}), DropReason::source_routed);
      // Behind others: no operation, router alert.
      options.insert(options.begin(), {1, 148, 4, 0, 0, 1});
      expect_fault(test::icmp_frame(ethernet, {.options = options}, {}), DropReason::source_routed);
    }
  }
}

TEST(ParseFaults, AllowsOtherOptions) {
  const std::uint8_t kRouterAlert = 148, kRecordRoute = 7, kTimestamp = 68;
  for (const std::uint8_t type : {kRouterAlert, kRecordRoute, kTimestamp}) {
    expect_accepted(test::udp_frame({}, {.options = {type, 4, 137, 131}}, {}), PacketKind::kData);
  }
  expect_accepted(test::udp_frame({}, {.options = {0, 131, 137, 131}}, {}), PacketKind::kData);
  // Malformed: no length, a length that is none, one beyond the header.
  expect_accepted(test::udp_frame({}, {.options = {1, 1, 1, 148}}, {}), PacketKind::kData);
  expect_accepted(test::udp_frame({}, {.options = {148, 1, 131, 0}}, {}), PacketKind::kData);
  expect_accepted(test::udp_frame({}, {.options = {148, 255, 131, 0}}, {}), PacketKind::kData);
}

TEST(ParseFaults, RefusesSendersThatAreGroups) {
  constexpr test::Mac kGroup = {0x03, 0, 0, 0, 0, 1};
  for (test::Ethernet ethernet : ethernets()) {
    ethernet.src = kGroup;
    expect_source_fault(test::udp_frame(ethernet, {}, {}), DropReason::group_mac_source);
    ethernet.type = 0x0806;
    expect_source_fault(test::pad(test::frame(ethernet, test::pattern(28))),
                        DropReason::group_mac_source);
  }
}

}  // namespace
}  // namespace lb
