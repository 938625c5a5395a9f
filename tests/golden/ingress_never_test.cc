// What no honest sender sends, whatever the setting of anti_spoof.
#include <gtest/gtest.h>

#include "tests/golden/guarded.h"

namespace lb::golden {
namespace {

using test::icmp_frame;
using test::kAck;
using test::kRst;
using test::kSyn;
using test::pattern;
using test::tcp_frame;

TEST(Ingress, OnlyVlansOfThePort) {
  Guarded world(AntiSpoof::kOff);
  for (const std::uint16_t vlan : std::initializer_list<std::uint16_t>{8, 4094, 4095}) {
    const Bytes arp =
        test::pad(test::frame({.dst = kBroadcastMac, .vlan = vlan, .type = 0x0806}, pattern(28)));
    const Bytes syn = tcp_frame(into(kWan, vlan), client_to_vip(), {.flags = kSyn});
    const Bytes ping = icmp_frame(into(kWan, vlan), client_to_vip(), {});
    expect_all(world, kWan, {arp, syn, ping}, DropReason::unknown_vlan);
  }
  const Bytes tagged = tcp_frame(into(kWan, 7), client_to_vip(), {.flags = kSyn});
  EXPECT_EQ(world.send(kWan, tagged).verdict, Verdict::kForward);
  // A priority without a VLAN.
  const Bytes priority =
      tcp_frame(into(kWan, 0xe000), client_to_vip(), {.sport = 40'001, .flags = kSyn});
  EXPECT_EQ(world.send(kWan, priority).verdict, Verdict::kForward);
  // A VLAN that is removed while it has connections.
  world.spec.port_policies[0].vlans.clear();
  world.apply();
  EXPECT_EQ(world.send(kWan, tcp_frame(into(kWan, 7), client_to_vip(), {.seq = 2})).reason,
            DropReason::unknown_vlan);
}

TEST(Ingress, NothingThatNobodySendsHonestly) {
  for (const Mode mode : {Mode::kNat, Mode::kDr}) {
    Guarded world(AntiSpoof::kOff, mode);
    const auto reason = [&](const test::Ethernet& ethernet, const test::Ipv4& ip) {
      return world.send(kWan, tcp_frame(ethernet, ip, {.flags = kSyn})).reason;
    };
    EXPECT_EQ(reason(into(kWan), {.src = kVip, .dst = kVip}), DropReason::land_packet);
    EXPECT_EQ(reason(into(kWan), {.src = test::ip("127.0.0.1"), .dst = kVip}),
              DropReason::martian_source);
    EXPECT_EQ(reason(into(kWan), {.src = test::ip("224.0.0.5"), .dst = kVip}),
              DropReason::martian_source);
    EXPECT_EQ(reason(into(kWan), {.src = kClient, .dst = kVip, .options = {131, 3, 4}}),
              DropReason::source_routed);
    EXPECT_EQ(reason({.dst = kWanMac, .src = kAllRouters}, client_to_vip()),
              DropReason::group_mac_source);
    EXPECT_EQ(world.connections(), 0U);
    EXPECT_EQ(world.counter(&WorkerCounters::dropped), 5U);
  }
}

// A frame of a group's MAC address is refused before it is followed.
TEST(Ingress, WhatNobodySendsHonestlyChangesNoConnection) {
  Guarded world(AntiSpoof::kOff);
  world.send(kWan, client_tcp(kSyn));
  world.send(kLan, server_tcp(kSyn | kAck));
  world.send(kWan, client_tcp(kAck));
  const Bytes reset = tcp_frame({.dst = kWanMac, .src = kAllRouters}, client_to_vip(),
                                {.sport = 40'000, .dport = 80, .seq = 101, .flags = kRst});
  EXPECT_EQ(world.send(kWan, reset).reason, DropReason::group_mac_source);
  EXPECT_EQ(world.active(0), 1);
}

}  // namespace
}  // namespace lb::golden
