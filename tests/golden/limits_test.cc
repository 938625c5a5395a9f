// max_connections and resume_connections of real servers, and timeouts of services, in the
// pipeline.
#include <gtest/gtest.h>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kRst;
using test::kSyn;

// Of the server that a new connection goes to; 0: none.
unsigned connect(Scene& world, std::uint16_t port, unsigned worker = 0) {
  const Output out = world.send(kWan, client_tcp(kSyn, {}, port), worker);
  return out.verdict == Verdict::kForward ? out.frame[5] : 0;
}

void limit(Scene& world, unsigned server, std::uint32_t max, std::uint32_t resume) {
  world.rs(server - 1).max_connections = max;
  world.rs(server - 1).resume_connections = resume;
  world.apply();
}

void end(Scene& world, std::uint16_t port) {
  world.send(kWan, client_tcp(kRst, {}, port));
  world.advance(1'000);
}

class Limits : public testing::TestWithParam<Mode> {};

TEST_P(Limits, AFullServerIsLeftOutUntilItIsDownToResume) {
  Scene world(GetParam());
  world.spec.timeouts.tcp_closed = test::ticks(5);
  limit(world, 1, 3, 1);
  unsigned first = 0;
  for (std::uint16_t port = 1; port <= 10; ++port) first += connect(world, port) == 1;
  EXPECT_EQ(first, 3U);
  EXPECT_EQ(world.inactive(0) + world.active(0), 3);
  // Round robin gave it the 1st, 3rd and 5th.
  EXPECT_EQ(world.send(kWan, client_tcp(kAck, {}, 1)).frame[5], 1U) << "its connections go on";
  end(world, 1);
  EXPECT_EQ(connect(world, 11), 2U);
  end(world, 3);
  EXPECT_EQ(world.inactive(0) + world.active(0), 1);
  first = 0;
  for (std::uint16_t port = 21; port <= 30; ++port) first += connect(world, port) == 1;
  EXPECT_EQ(first, 2U) << "up to the upper one again";
  EXPECT_EQ(world.dropped(DropReason::real_servers_full), 0U);
}

TEST_P(Limits, AllFullIsADropOfItsOwnWithoutAnAnswer) {
  Scene world(GetParam());
  limit(world, 1, 1, 0);
  limit(world, 2, 2, 0);
  for (std::uint16_t port = 1; port <= 3; ++port) EXPECT_NE(connect(world, port), 0U);
  const Output out = world.send(kWan, client_tcp(kSyn, {}, 4));
  EXPECT_EQ(out.verdict, Verdict::kDrop);
  EXPECT_EQ(out.reason, DropReason::real_servers_full);
  EXPECT_EQ(world.dropped(DropReason::real_servers_full), 1U);
  EXPECT_EQ(world.connections(), 3U);
  EXPECT_EQ(world.send(kWan, client_tcp(kSyn, {}, 1)).verdict, Verdict::kForward)
      << "a SYN that is sent again is no new connection";
  world.rs(0).up = world.rs(1).up = false;
  world.apply();
  EXPECT_EQ(world.send(kWan, client_tcp(kSyn, {}, 5)).reason, DropReason::no_real_server);
}

INSTANTIATE_TEST_SUITE_P(, Limits, testing::Values(Mode::kNat, Mode::kDr),
                         [](const auto& mode) { return mode.param == Mode::kNat ? "nat" : "dr"; });

// Two services, one with own timeouts: each connection lives as long as its service says, after
// every packet anew.
TEST(OwnTimeouts, ExpireAfterTheServicesTimeout) {
  Scene world(Mode::kNat, kProtoUdp);
  world.spec.services.push_back(world.spec.services[0]);
  world.spec.services[1].name = "web2";
  world.spec.services[1].addresses = {test::single("192.0.2.11:80")};
  world.spec.timeouts = test::all_timeouts(100);
  world.spec.services[1].timeouts = test::all_timeouts(30);
  world.apply();
  const auto send = [&](const char* vip) {
    world.send(kWan, test::udp_frame(from_router(), {.src = kClient, .dst = test::ip(vip)},
                                     {.sport = 7'000, .dport = 80, .payload = test::pattern(18)}));
  };
  send("192.0.2.10");
  send("192.0.2.11");
  ASSERT_EQ(world.connections(), 2U);
  world.advance(2'000);
  send("192.0.2.11");
  world.advance(2'000);
  EXPECT_EQ(world.connections(), 2U) << "it was used meanwhile";
  world.advance(2'000);
  EXPECT_EQ(world.connections(), 1U);
  world.advance(3'000);
  EXPECT_EQ(world.connections(), 1U);
  world.advance(3'000);
  EXPECT_EQ(world.connections(), 0U);
}

TEST(LimitsOf, EveryWorkersConnectionsCount) {
  Scene world(Mode::kNat, kProtoTcp, {.workers = 4});
  limit(world, 1, 4, 3);
  limit(world, 2, 4, 3);
  unsigned made = 0;
  for (std::uint16_t port = 1; port <= 20; ++port) made += connect(world, port, port % 4) != 0;
  EXPECT_EQ(made, 8U);
}

TEST(LimitsOf, APlaceIsGivenBackWhenTheTableIsFull) {
  Scene world(Mode::kDr, kProtoUdp, {.max_connections = 64});
  limit(world, 1, 1'000, 0);
  limit(world, 2, 1'000, 0);
  const auto send = [&](std::uint16_t port) {
    return world.send(kWan, client_frame(kProtoUdp, port, 0)).reason;
  };
  for (std::uint16_t port = 1; port <= 64; ++port) {
    send(port);
    send(port);  // one packet alone would make room
  }
  for (std::uint16_t port = 101; port <= 120; ++port) EXPECT_EQ(send(port), DropReason::table_full);
  limit(world, 1, 33, 0);
  world.advance(100'000);
  ASSERT_EQ(world.connections(), 0U);
  for (std::uint16_t port = 1; port <= 60; ++port) EXPECT_EQ(send(port), DropReason::none);
}

}  // namespace
}  // namespace lb::golden
