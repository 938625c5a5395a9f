// Whatever the pipeline leaves to the kernel, in which class it goes there.
#include <gtest/gtest.h>

#include "dataplane/forward/punt_class.h"
#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::icmp_frame;
using test::kAck;
using test::kSyn;
using test::tcp_frame;
using test::udp_frame;

const Be32 kOwnWan = test::ip("192.0.2.2");
const Be32 kOwnLan = test::ip("10.0.0.1");

class Punts : public ::testing::Test {
 protected:
  Punts() {
    world_.spec.own_addresses = {Ipv4Address{kOwnWan}, Ipv4Address{kOwnLan}};
    world_.apply();
  }
  PuntClass kind(unsigned port, const Bytes& frame) {
    const Output out = world_.send(port, frame);
    EXPECT_EQ(out.verdict, Verdict::kPunt);
    EXPECT_EQ(out.frame, frame);
    return classify_punt(out.frame, world_.snapshot(), flows_, world_.now()).kind;
  }
  void kernel_sends(const Bytes& frame) {
    note_own_flow(frame, world_.snapshot(), flows_, world_.now());
  }

  Scene world_{Mode::kNat};
  OwnFlows flows_{HashKey{{1, 2, 3, 4}}};
};

TEST_F(Punts, RepliesToAHealthCheckOfARealServer) {
  const Bytes syn =
      tcp_frame({.dst = kServer1Mac, .src = kLanMac}, {.src = kOwnLan, .dst = kServer1},
                {.sport = 45'000, .dport = 80, .flags = kSyn});
  const Bytes answer =
      tcp_frame({.dst = kLanMac, .src = kServer1Mac}, {.src = kServer1, .dst = kOwnLan},
                {.sport = 80, .dport = 45'000, .flags = kSyn | kAck});
  EXPECT_EQ(kind(kLan, answer), PuntClass::other) << "nothing was asked";
  kernel_sends(syn);
  EXPECT_EQ(kind(kLan, answer), PuntClass::replies);
}

TEST_F(Punts, WhatAttackersSend) {
  const test::Ipv4 to_own{.src = kClient, .dst = kOwnWan};
  EXPECT_EQ(kind(kWan, icmp_frame(from_router(), client_to_vip(), {})), PuntClass::other);
  EXPECT_EQ(kind(kWan, icmp_frame(from_router(), to_own, {})), PuntClass::other);
  EXPECT_EQ(kind(kWan, udp_frame(from_router(), to_own, {.dport = 9999})), PuntClass::other);
  EXPECT_EQ(kind(kWan, tcp_frame(from_router(), to_own, {.dport = 22, .flags = kSyn})),
            PuntClass::other);
  EXPECT_EQ(kind(kWan, udp_frame(from_router(),
                                 {.src = kClient, .dst = test::ip("203.0.113.9"), .ttl = 1}, {})),
            PuntClass::other);
  EXPECT_EQ(kind(kWan, udp_frame(from_router(),
                                 {.src = kClient, .dst = kOwnWan, .more_fragments = true}, {})),
            PuntClass::other);
}

TEST_F(Punts, VipsAreTheDirectorsOwn) {
  kernel_sends(
      tcp_frame({}, {.src = kVip, .dst = kClient},
                {.sport = 22, .dport = 40'000, .flags = kAck, .payload = test::pattern(20)}));
  EXPECT_EQ(kind(kWan, tcp_frame(from_router(), client_to_vip(),
                                 {.sport = 40'000, .dport = 22, .flags = kAck})),
            PuntClass::sessions);
}

}  // namespace
}  // namespace lb::golden
