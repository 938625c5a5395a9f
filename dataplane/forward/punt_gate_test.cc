#include "dataplane/forward/punt_gate.h"

#include <gtest/gtest.h>

#include "dataplane/conn/record.h"
#include "dataplane/packet/testing/builder.h"

namespace lb {
namespace {

using test::Bytes;
using test::icmp_frame;
using test::ip;
using test::kAck;
using test::kSyn;
using test::tcp_frame;

constexpr std::uint32_t kSecondTicks = 1000 / kTickMs;
const Be32 kDirector = ip("192.0.2.2");
const Be32 kServer = ip("192.0.2.11");

class PuntGateTest : public ::testing::Test {
 protected:
  PuntGateTest() { snapshot_.local_addresses = {kDirector}; }

  PuntGate gate(std::uint32_t pps, std::uint32_t pps_per_source) {
    return {{pps, pps_per_source}, 2, flows_, counters_};
  }
  // How many of these are let through.
  unsigned passed(PuntGate& gate, unsigned count, const Bytes& frame, unsigned port = 0) {
    unsigned passed = 0;
    for (unsigned i = 0; i < count; ++i)
      if (gate.admit(frame, port, snapshot_, now_)) ++passed;
    return passed;
  }
  const PuntCounters& count(PuntClass kind, unsigned port = 0) const {
    return counters_.ports[port].punts[static_cast<std::size_t>(kind)];
  }
  static Bytes ping(Be32 from) { return icmp_frame({}, {.src = from, .dst = kDirector}, {}); }
  static Bytes arp(std::uint8_t sender) {
    return test::frame({.src = {2, 0, 0, 0, 0, sender}, .type = 0x0806}, test::pattern(28));
  }

  Snapshot snapshot_;
  OwnFlows flows_{
      HashKey{{0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0xd6e8feb86659fd93}}};
  WorkerCounters counters_;
  std::uint32_t now_ = 1000;
};

TEST_F(PuntGateTest, AFloodLeavesTheOtherClassesAlone) {
  PuntGate punts = gate(100, 100);
  EXPECT_EQ(passed(punts, 4'000, ping(ip("203.0.113.1"))), 100u);
  punts.note_sent(tcp_frame({}, {.src = kDirector, .dst = kServer}, {.sport = 50, .flags = kSyn}),
                  snapshot_, now_);
  const Bytes reply =
      tcp_frame({}, {.src = kServer, .dst = kDirector}, {.sport = 80, .dport = 50, .flags = kAck});
  EXPECT_EQ(passed(punts, 10, reply), 10u);
  EXPECT_EQ(passed(punts, 10, arp(1)), 10u);
  EXPECT_EQ(passed(punts, 10, ping(kServer), 1), 10u) << "each port has its own limits";
  EXPECT_EQ(count(PuntClass::other).passed.get(), 100u);
  EXPECT_EQ(count(PuntClass::other).dropped.get(), 3'900u);
  EXPECT_EQ(count(PuntClass::other, 1).passed.get(), 10u);
  EXPECT_EQ(count(PuntClass::replies).passed.get(), 10u);
  EXPECT_EQ(count(PuntClass::neighbours).passed.get(), 10u);
}

TEST_F(PuntGateTest, ASourceLeavesTheOthersTheirShare) {
  PuntGate punts = gate(100, 60);
  EXPECT_EQ(passed(punts, 1'000, ping(ip("203.0.113.1"))), 60u);
  EXPECT_EQ(passed(punts, 10, ping(ip("203.0.113.2"))), 0u) << "of the same network";
  EXPECT_EQ(passed(punts, 100, ping(ip("198.51.100.1"))), 40u) << "what is left of the total";
}

TEST_F(PuntGateTest, WhatTheDirectorExchangesMayBeTenTimesAsMuch) {
  PuntGate punts = gate(100, 60);
  punts.note_sent(tcp_frame({}, {.src = kDirector, .dst = kServer}, {.sport = 50, .flags = kSyn}),
                  snapshot_, now_);
  const Bytes reply =
      tcp_frame({}, {.src = kServer, .dst = kDirector}, {.sport = 80, .dport = 50, .flags = kAck});
  EXPECT_EQ(passed(punts, 2'000, reply), 600u);
  EXPECT_EQ(count(PuntClass::replies).passed.get(), 600u);
  const Be32 client = ip("203.0.113.1");
  const Bytes request =
      tcp_frame({}, {.src = client, .dst = kDirector}, {.sport = 50, .dport = 80, .flags = kAck});
  EXPECT_EQ(passed(punts, 2'000, request), 60u) << "no data of the director yet";
  punts.note_sent(tcp_frame({}, {.src = kDirector, .dst = client},
                            {.sport = 80, .dport = 50, .flags = kAck, .payload = {1}}),
                  snapshot_, now_);
  EXPECT_EQ(passed(punts, 2'000, request), 600u);
  EXPECT_EQ(count(PuntClass::sessions).passed.get(), 600u);
}

TEST_F(PuntGateTest, AMachineFillsNoTableOfNeighbours) {
  PuntGate punts = gate(50'000, 20'000);
  EXPECT_EQ(passed(punts, 4'000, arp(1)), 100u);
  EXPECT_EQ(passed(punts, 10, arp(2)), 10u);
  now_ += kSecondTicks;
  EXPECT_EQ(passed(punts, 4'000, arp(1)), 100u);
}

TEST_F(PuntGateTest, LocalServersHaveAClassOfTheirOwn) {
  PuntGate punts = gate(100, 100);
  const auto to_server = [&](std::uint8_t flags) {
    const Bytes frame = tcp_frame({}, {.src = ip("203.0.113.1"), .dst = kDirector},
                                  {.sport = 50, .dport = 80, .flags = flags});
    return punts.admit(frame, 0, snapshot_, now_, PuntClass::local);
  };
  EXPECT_EQ(passed(punts, 200, ping(ip("203.0.113.1"))), 100u);
  for (unsigned i = 0; i < 100; ++i) EXPECT_EQ(to_server(kSyn), PuntClass::local);
  EXPECT_EQ(to_server(kSyn), std::nullopt);
  EXPECT_EQ(count(PuntClass::local).dropped.get(), 1u);
  punts.note_sent(tcp_frame({}, {.src = kDirector, .dst = ip("203.0.113.1")},
                            {.sport = 80, .dport = 50, .flags = kAck, .payload = {1}}),
                  snapshot_, now_);
  EXPECT_EQ(to_server(kAck), PuntClass::sessions) << "the server has sent data";
}

TEST_F(PuntGateTest, ZeroIsNoLimit) {
  PuntGate punts = gate(0, 0);
  EXPECT_EQ(passed(punts, 100'000, ping(kServer)), 100'000u);
}

TEST_F(PuntGateTest, LowLimitsAreKept) {
  PuntGate punts = gate(3, 3);
  passed(punts, 10, ping(kServer));
  unsigned later = 0;
  for (std::uint32_t tick = 0; tick < 10 * kSecondTicks; ++tick) {
    ++now_;
    later += passed(punts, 5, ping(kServer));
  }
  EXPECT_GE(later, 20u);
  EXPECT_LE(later, 30u);
}

}  // namespace
}  // namespace lb
