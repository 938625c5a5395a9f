// Who may open a connection, and how many a second, through the pipeline.
#include <gtest/gtest.h>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kSyn;

Bytes gate_syn(const char* client, std::uint16_t sport = 40'000, std::uint8_t flags = kSyn) {
  return test::tcp_frame(from_router(), {.src = test::ip(client), .dst = kVip, .ttl = 60},
                         {.sport = sport, .dport = 80, .seq = 100, .flags = flags});
}

class Gated : public Scene {
 public:
  explicit Gated(const ConnLimits& limits, std::uint8_t proto = kProtoTcp)
      : Scene(Mode::kNat, proto, {.max_connections = 4'096}) {
    spec.services[0].limits = limits;
    apply();
  }
  explicit Gated(const AccessListSpec& rules) : Scene(Mode::kNat) { set(rules); }
  void set(const AccessListSpec& rules) {
    spec.services[0].access = SharedAccessList(rules);
    apply();
  }
  Refused refused() const { return snapshot().services[0].gate->refused(); }
  // How many of `tries` clients' ports get a connection.
  unsigned open(const char* client, std::uint16_t first_port, unsigned tries) {
    unsigned opened = 0;
    for (unsigned i = 0; i < tries; ++i) {
      const auto port = static_cast<std::uint16_t>(first_port + i);
      opened += send(kWan, gate_syn(client, port)).verdict == Verdict::kForward ? 1u : 0u;
    }
    return opened;
  }
};

AccessListSpec only(const char* allow, const char* deny) {
  AccessListSpec rules;
  rules.allow = {*Ipv4Prefix::parse(allow)};
  rules.deny = {*Ipv4Prefix::parse(deny)};
  rules.others = false;
  return rules;
}

TEST(Gate, DropsAndCountsClientsThatAreNotAllowed) {
  Gated world(only("198.51.100.0/24", "198.51.100.66/32"));
  EXPECT_EQ(world.send(kWan, gate_syn("198.51.100.7")).verdict, Verdict::kForward);
  for (const char* client : {"198.51.100.66", "203.0.113.1"}) {
    const Output out = world.send(kWan, gate_syn(client));
    EXPECT_EQ(out.verdict, Verdict::kDrop) << client;
    EXPECT_EQ(out.reason, DropReason::denied) << client;
  }
  EXPECT_EQ(world.connections(), 1u);
  EXPECT_EQ(world.dropped(DropReason::denied), 2u);
  EXPECT_EQ(world.refused().denied, 2u);
}

// Lists are asked when a connection is opened, never again.
TEST(Gate, ConnectionsThatAreOpenGoOn) {
  Gated world(only("198.51.100.0/24", "198.51.100.66/32"));
  world.send(kWan, gate_syn("198.51.100.7"));
  world.set(only("203.0.113.0/24", "203.0.113.1/32"));
  EXPECT_EQ(world.send(kWan, gate_syn("198.51.100.7", 40'000, kAck)).verdict, Verdict::kForward);
  EXPECT_EQ(world.send(kWan, gate_syn("198.51.100.7", 40'001)).reason, DropReason::denied);
  EXPECT_EQ(world.send(kWan, gate_syn("203.0.113.2")).verdict, Verdict::kForward);
}

// No way around it by a reset and the same port again.
TEST(Gate, IsPassedAgainAfterAReset) {
  Gated world(ConnLimits{.new_per_second = 100, .burst = test::ticks(5)});
  unsigned opened = 0;
  for (int i = 0; i < 100; ++i) {
    opened += world.open("198.51.100.7", 1'000, 1);
    world.send(kWan, gate_syn("198.51.100.7", 1'000, test::kRst));
  }
  EXPECT_EQ(opened, 50u);
}

TEST(Gate, IsPassedAgainInTimeWait) {
  Gated world(ConnLimits{.new_per_second = 10, .burst = test::ticks(1)});
  EXPECT_EQ(world.open("198.51.100.7", 40'000, 1), 1u);
  for (const Bytes& frame : {server_tcp(kSyn | kAck), server_tcp(test::kFin | kAck)}) {
    world.send(kLan, frame);
    world.send(kWan, client_tcp(kAck));
  }
  world.send(kWan, client_tcp(test::kFin | kAck));
  EXPECT_EQ(world.open("198.51.100.7", 40'000, 1), 0u);
}

TEST(Gate, AServicesLimitIsABurstAndThenARate) {
  Gated world(ConnLimits{.new_per_second = 100, .burst = test::ticks(5)});
  EXPECT_EQ(world.open("198.51.100.7", 1'000, 100), 50u);
  EXPECT_EQ(world.open("198.51.100.8", 1'000, 100), 0u);
  world.advance(100);
  EXPECT_EQ(world.open("198.51.100.7", 2'000, 100), 10u);
  world.advance(10'000);
  EXPECT_EQ(world.open("198.51.100.9", 3'000, 100), 50u);
  EXPECT_EQ(world.dropped(DropReason::service_rate_limited), 290u);
  EXPECT_EQ(world.refused().service_rate_limited, 290u);
}

TEST(Gate, AClientsLimitIsItsOwn) {
  Gated world(ConnLimits{.new_per_second_per_client = 10, .client_prefix = 24});
  EXPECT_EQ(world.open("198.51.100.7", 1'000, 30), 10u);
  EXPECT_EQ(world.open("198.51.100.8", 1'000, 30), 0u);
  EXPECT_EQ(world.open("203.0.113.1", 1'000, 30), 10u);
  EXPECT_EQ(world.dropped(DropReason::client_rate_limited), 70u);
}

TEST(Gate, PacketsOfConnectionsAreNotLimited) {
  Gated world(ConnLimits{.new_per_second = 1, .burst = test::ticks(1)});
  EXPECT_EQ(world.open("198.51.100.7", 40'000, 2), 1u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(world.send(kWan, gate_syn("198.51.100.7", 40'000, kAck)).verdict, Verdict::kForward);
    EXPECT_EQ(world.send(kWan, gate_syn("198.51.100.7", 40'000)).verdict, Verdict::kForward)
        << "a SYN that is sent again";
  }
}

TEST(Gate, LimitsGoOnOverChangesOfOtherThings) {
  Gated world(ConnLimits{.new_per_second = 100, .new_per_second_per_client = 20});
  EXPECT_EQ(world.open("198.51.100.7", 1'000, 30), 20u);
  world.rs(0).weight = 7;
  world.apply();
  EXPECT_EQ(world.open("198.51.100.7", 2'000, 30), 0u);
  EXPECT_EQ(world.refused().client_rate_limited, 40u);
  world.spec.services[0].limits = {};
  world.apply();
  EXPECT_EQ(world.snapshot().services[0].gate, nullptr);
  EXPECT_EQ(world.snapshot().clients, nullptr);
  EXPECT_EQ(world.open("198.51.100.7", 3'000, 30), 30u);
}

TEST(Gate, UdpFlowsAreNewConnectionsToo) {
  Gated world(ConnLimits{.new_per_second_per_client = 5}, kProtoUdp);
  unsigned opened = 0;
  for (std::uint16_t port = 1; port <= 20; ++port) {
    const Output out = world.send(kWan, client_frame(kProtoUdp, port, 0));
    opened += out.verdict == Verdict::kForward ? 1u : 0u;
  }
  EXPECT_EQ(opened, 5u);
  EXPECT_EQ(world.send(kWan, client_frame(kProtoUdp, 1, 0)).verdict, Verdict::kForward);
}

}  // namespace
}  // namespace lb::golden
