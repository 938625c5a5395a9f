// The schedulers in the pipeline, and what a change of the scheduler leaves alone.
#include <gtest/gtest.h>

#include <map>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kSyn;

constexpr Scheduler kAll[] = {Scheduler::kRr, Scheduler::kWrr, Scheduler::kLc, Scheduler::kWlc,
                              Scheduler::kSh, Scheduler::kDh,  Scheduler::kMh, Scheduler::kSed,
                              Scheduler::kNq, Scheduler::kFo,  Scheduler::kOvf};

Bytes syn_from(Be32 client, std::uint16_t sport = 40'000, Be32 vip = kVip) {
  return test::tcp_frame(from_router(), {.src = client, .dst = vip, .ttl = 60},
                         {.sport = sport, .dport = 80, .flags = kSyn});
}

// Of the server that the frame was sent to; 0: it was not.
unsigned server_of(const Output& out) {
  return out.verdict == Verdict::kForward ? out.frame[5] : 0;
}

void set_scheduler(Scene& world, Scheduler scheduler) {
  for (ServiceSpec& service : world.spec.services) service.scheduler = scheduler;
  world.apply();
}

TEST(Schedulers, AChangeKeepsAllConnections) {
  for (const Mode mode : {Mode::kNat, Mode::kDr}) {
    Scene world(mode);
    std::map<std::uint16_t, unsigned> owner;
    std::uint16_t port = 1'000;
    for (const Scheduler scheduler : kAll) {
      set_scheduler(world, scheduler);
      for (const auto& [old, server] : owner) {
        EXPECT_EQ(server_of(world.send(kWan, client_tcp(kAck, {}, old))), server) << old;
      }
      for (int i = 0; i < 6; ++i, ++port) {
        owner[port] = server_of(world.send(kWan, client_tcp(kSyn, {}, port)));
        EXPECT_NE(owner[port], 0U);
      }
    }
    EXPECT_EQ(world.connections(), owner.size());
    EXPECT_EQ(world.counter(&WorkerCounters::conns_expired), 0U);
  }
}

// Both directors of a pair, every worker, and a director that was just started.
TEST(Schedulers, HashesLeadToTheSameServerEverywhere) {
  for (const Scheduler scheduler : {Scheduler::kSh, Scheduler::kMh}) {
    Scene one(Mode::kNat, kProtoTcp, {.workers = 2});
    Scene other(Mode::kNat, kProtoTcp, {.hash_key = 99});
    std::swap(other.rs(0), other.rs(1));
    set_scheduler(one, scheduler);
    set_scheduler(other, scheduler);
    std::map<unsigned, unsigned> count;
    for (std::uint32_t i = 0; i < 64; ++i) {
      const Be32 client = Be32::from_host(kClient.host() + i);
      const unsigned server = server_of(one.send(kWan, syn_from(client)));
      ++count[server];
      EXPECT_EQ(server_of(one.send(kWan, syn_from(client, 40'001), 1)), server);
      EXPECT_EQ(server_of(other.send(kWan, syn_from(client))), server);
    }
    EXPECT_EQ(count.size(), 2U);
    EXPECT_GT(count[1], 20U);
    EXPECT_GT(count[2], 20U);
  }
}

TEST(Schedulers, AHashedServerThatIsDownIsReplacedAndComesBack) {
  for (const Scheduler scheduler : {Scheduler::kSh, Scheduler::kDh, Scheduler::kMh}) {
    Scene world(Mode::kNat);
    set_scheduler(world, scheduler);
    const unsigned server = server_of(world.send(kWan, client_tcp(kSyn, {}, 1)));
    ASSERT_TRUE(server == 1 || server == 2);
    world.rs(server - 1).up = false;
    world.apply();
    EXPECT_EQ(server_of(world.send(kWan, client_tcp(kSyn, {}, 2))), 3 - server);
    world.rs(server - 1).up = true;
    world.apply();
    EXPECT_EQ(server_of(world.send(kWan, client_tcp(kSyn, {}, 3))), server);
  }
}

// From one port to two services on the same servers: the answers of one server would look alike.
// Whatever the scheduler would rather do, the second goes elsewhere.
TEST(Schedulers, TheReplysAddressesDecideBeforeTheScheduler) {
  for (const Scheduler scheduler : kAll) {
    Scene world(Mode::kNat);
    world.spec.services.push_back(world.spec.services[0]);
    world.spec.services[1].name = "web2";
    world.spec.services[1].addresses = {test::single("192.0.2.11:80")};
    world.rs(0).weight = world.spec.services[1].real_servers[0].weight = 1'000;
    set_scheduler(world, scheduler);
    const unsigned first = server_of(world.send(kWan, syn_from(kClient)));
    const unsigned second =
        server_of(world.send(kWan, syn_from(kClient, 40'000, test::ip("192.0.2.11"))));
    EXPECT_EQ(first + second, 3U) << static_cast<int>(scheduler);
  }
}

}  // namespace
}  // namespace lb::golden
