// Packets in the director's own name open no connection.
#include <gtest/gtest.h>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kSyn;
using test::tcp_frame;
using test::udp_frame;

const Be32 kCheckSource = test::ip("10.0.0.2");
const Be32 kOtherVip = test::ip("192.0.2.11");

Bytes forged_syn(Be32 source) {
  return tcp_frame(from_router(), {.src = source, .dst = kVip},
                   {.sport = 45'000, .dport = 80, .flags = kSyn});
}

class Spoofed : public ::testing::TestWithParam<Mode> {
 protected:
  Spoofed() {
    world_.spec.own_addresses = world_.spec.held_addresses = {Ipv4Address{kCheckSource}};
    world_.apply();
  }
  void add_other_vip() {
    ServiceSpec other = world_.spec.services[0];
    other.name = "other";
    other.addresses = {test::single("192.0.2.11:80")};
    world_.spec.services.push_back(other);
    world_.apply();
  }
  void expect_dropped(const Bytes& frame) {
    const Output out = world_.send(kWan, frame);
    EXPECT_EQ(out.verdict, Verdict::kDrop);
    EXPECT_EQ(out.reason, DropReason::spoofed_source);
  }
  Scene world_{GetParam()};
};

// Otherwise the server's answer to a check from that port would go to the sender of the SYN.
TEST_P(Spoofed, OwnAddress) {
  expect_dropped(forged_syn(kCheckSource));
  EXPECT_EQ(world_.connections(), 0u);
  const Bytes to_check =
      tcp_frame({.dst = kLanMac, .src = kServer1Mac}, {.src = kServer1, .dst = kCheckSource},
                {.sport = 80, .dport = 45'000, .flags = kSyn | kAck});
  EXPECT_EQ(world_.send(kLan, to_check).verdict, Verdict::kPunt);
}

TEST_P(Spoofed, AnotherVip) {
  add_other_vip();
  expect_dropped(forged_syn(kOtherVip));
}

TEST_P(Spoofed, HonestClientsAreServed) {
  EXPECT_EQ(world_.send(kWan, forged_syn(kClient)).verdict, Verdict::kForward);
  EXPECT_EQ(world_.send(kWan, forged_syn(test::ip("10.0.0.3"))).verdict, Verdict::kForward);
}

// The other director is master: packets may come from the VIP and from addresses that both have.
TEST_P(Spoofed, AddressesOfTheOtherDirector) {
  add_other_vip();
  for (ServiceSpec& service : world_.spec.services) service.standby = true;
  world_.spec.held_addresses.clear();
  world_.apply();
  EXPECT_EQ(world_.send(kWan, forged_syn(kOtherVip)).verdict, Verdict::kForward);
  EXPECT_EQ(world_.send(kWan, forged_syn(kCheckSource)).verdict, Verdict::kForward);
}

INSTANTIATE_TEST_SUITE_P(Modes, Spoofed, ::testing::Values(Mode::kNat, Mode::kDr),
                         [](const auto& test) { return test.param == Mode::kNat ? "Nat" : "Dr"; });

TEST(SpoofedUdp, WithAndWithoutConnections) {
  for (const bool one_packet : {false, true}) {
    Scene world(Mode::kNat, kProtoUdp);
    world.spec.services[0].one_packet = one_packet;
    world.spec.own_addresses = world.spec.held_addresses = {Ipv4Address{kCheckSource}};
    world.apply();
    const auto from = [&](Be32 source) {
      return world.send(kWan,
                        udp_frame(from_router(), {.src = source, .dst = kVip}, {.dport = 80}));
    };
    EXPECT_EQ(from(kCheckSource).reason, DropReason::spoofed_source);
    EXPECT_EQ(from(kClient).verdict, Verdict::kForward);
  }
}

}  // namespace
}  // namespace lb::golden
