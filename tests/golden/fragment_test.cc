// Fragments of a connection's datagrams follow their first one, in any order.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::pattern;

Bytes datagram() {
  return test::udp_frame(from_router(), client_to_vip(), {.dport = 80, .payload = pattern(5000)});
}

Bytes expected() {
  return test::udp_frame({.dst = kServer1Mac, .src = kLanMac},
                         {.src = kClient, .dst = kServer1, .ttl = 59},
                         {.dport = 80, .payload = pattern(5000)});
}

TEST(Fragments, InOrder) {
  Scene world(Mode::kNat, kProtoUdp);
  std::vector<Bytes> out;
  for (const Bytes& f : test::fragments(datagram(), 1500)) {
    const Output o = world.send(kWan, f);
    ASSERT_EQ(o.verdict, Verdict::kForward);
    EXPECT_EQ(o.egress, kLan);
    out.push_back(o.frame);
  }
  EXPECT_EQ(out.size(), 4u);
  EXPECT_EQ(test::reassemble(out), expected());
}

TEST(Fragments, EveryOrderArrivesWhole) {
  std::vector<Bytes> in = test::fragments(datagram(), 1500);
  std::vector<std::size_t> order = {0, 1, 2, 3};
  do {
    Scene world(Mode::kNat, kProtoUdp);
    std::vector<Bytes> out;
    std::size_t held = 0;
    for (const std::size_t i : order) {
      const Output o = world.send(kWan, in[i]);
      if (o.verdict == Verdict::kHeld) {
        ++held;
        continue;
      }
      ASSERT_EQ(o.verdict, Verdict::kForward);
      out.push_back(o.frame);
      for (const Output& r : world.released()) {
        ASSERT_EQ(r.verdict, Verdict::kForward);
        out.push_back(r.frame);
        --held;
      }
    }
    EXPECT_EQ(held, 0u);
    EXPECT_EQ(test::reassemble(out), expected());
    EXPECT_EQ(world.connections(), 1u);
    EXPECT_EQ(world.counter(&WorkerCounters::dropped), 0u);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Fragments, OnDifferentWorkers) {
  Scene world(Mode::kNat, kProtoUdp, {.workers = 2});
  const std::vector<Bytes> in = test::fragments(datagram(), 1500);
  EXPECT_EQ(world.send(kWan, in[1], 1).verdict, Verdict::kHeld);
  EXPECT_EQ(world.send(kWan, in[0], 0).verdict, Verdict::kForward);
  EXPECT_EQ(world.released(0).size(), 1u);
  EXPECT_EQ(world.send(kWan, in[2], 1).verdict, Verdict::kForward);
}

TEST(Fragments, OfTheServersAnswer) {
  Scene world(Mode::kNat, kProtoUdp);
  world.send(kWan,
             test::udp_frame(from_router(), client_to_vip(), {.dport = 80, .payload = pattern(9)}));
  const Bytes answer =
      test::udp_frame({.dst = kLanMac, .src = kServer1Mac}, {.src = kServer1, .dst = kClient},
                      {.sport = 80, .dport = 40'000, .payload = pattern(4000)});
  std::vector<Bytes> out;
  for (const Bytes& f : test::fragments(answer, 1500)) out.push_back(world.send(kLan, f).frame);
  EXPECT_EQ(
      test::reassemble(out),
      test::udp_frame({.dst = kRouterMac, .src = kWanMac}, {.src = kVip, .dst = kClient, .ttl = 63},
                      {.sport = 80, .dport = 40'000, .payload = pattern(4000)}));
}

TEST(Fragments, InDrModeOnlyTheMacsChange) {
  Scene world(Mode::kDr, kProtoUdp);
  for (const Bytes& f : test::fragments(datagram(), 1500)) {
    const Output o = world.send(kWan, f);
    ASSERT_EQ(o.verdict, Verdict::kForward);
    EXPECT_TRUE(std::equal(f.begin() + 12, f.end(), o.frame.begin() + 12, o.frame.end()));
  }
}

TEST(Fragments, ForTheKernelAllGoThere) {
  Scene world(Mode::kNat, kProtoUdp);
  const Bytes other = test::udp_frame(from_router(), {.src = kClient, .dst = test::ip("192.0.2.2")},
                                      {.dport = 514, .payload = pattern(3000)});
  const std::vector<Bytes> in = test::fragments(other, 1500);
  EXPECT_EQ(world.send(kWan, in[2]).verdict, Verdict::kHeld);
  EXPECT_EQ(world.send(kWan, in[0]).verdict, Verdict::kPunt);
  const auto released = world.released();
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(released[0].verdict, Verdict::kPunt);
  EXPECT_EQ(released[0].frame, in[2]);
  EXPECT_EQ(world.send(kWan, in[1]).verdict, Verdict::kPunt);
}

TEST(Fragments, AreDroppedAndCountedWithoutTheFirst) {
  Scene world(Mode::kNat, kProtoUdp);
  EXPECT_EQ(world.send(kWan, test::fragments(datagram(), 1500)[1]).verdict, Verdict::kHeld);
  EXPECT_EQ(world.counter(&WorkerCounters::held), 1u);
  world.advance(10'000);
  EXPECT_EQ(world.dropped(DropReason::fragment_timeout), 1u);
}

TEST(Fragments, OfADroppedDatagramAreDroppedForTheSameReason) {
  Scene world(Mode::kNat, kProtoUdp);
  world.rs(0).next_hop = world.rs(1).next_hop = std::nullopt;
  world.apply();
  for (const Bytes& f : test::fragments(datagram(), 1500)) {
    EXPECT_EQ(world.send(kWan, f).reason, DropReason::next_hop_unresolved);
  }
  EXPECT_EQ(world.dropped(DropReason::next_hop_unresolved), 4u);
}

}  // namespace
}  // namespace lb::golden
