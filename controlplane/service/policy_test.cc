#include "controlplane/service/policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "config/base/testing/randomised.h"
#include "controlplane/service/inventory_fixture.h"

namespace lb::controlplane {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

enum Health : std::uint8_t { kUp, kDown, kUnchecked };

Endpoint address(unsigned i) {
  return test::endpoint("10.0.0." + std::to_string(11 + i) + ":80");
}

struct Decision : ServiceDecision {
  std::vector<ServerDecision> servers;
};

// A service and a clock that stands still until it is moved. Its configuration may be changed at
// any time.
struct World {
  explicit World(std::vector<std::uint16_t> weights) {
    for (unsigned i = 0; i < weights.size(); ++i) {
      config::RealServer server;
      server.address = address(i);
      server.weight = weights[i];
      service.real_servers.push_back(server);
    }
    health.assign(weights.size(), kUp);
    changes.resize(weights.size());
  }

  Service& known() {
    inventory.adopt(test::config_of({service}));
    return inventory.services().front();
  }
  Decision decide() {
    Service& decided = known();
    for (unsigned i = 0; i < decided.servers.size(); ++i) {
      RealServer& server = decided.servers[i];
      server.health = health[i] == kUnchecked ? nullptr : test::checked(health[i] == kUp);
      server.changes.in_force = changes[i];
    }
    controlplane::decide(decided, now);
    Decision decision{decided.decision, {}};
    for (const RealServer& server : decided.servers) decision.servers.push_back(server.decision);
    return decision;
  }
  std::vector<unsigned> weights() {
    std::vector<unsigned> all;
    for (const ServerDecision& server : decide().servers) all.push_back(server.weight);
    return all;
  }
  ServerOverride& own(unsigned i) { return changes[i]; }

  config::Service service = test::service("web", {"192.0.2.10:80"}, {});
  std::vector<Health> health;
  std::vector<ServerOverride> changes;
  Time now{seconds(1000)};
  Inventory inventory{test::config_of({})};
};

using Weights = std::vector<unsigned>;

TEST(Policy, FollowsTheConfiguration) {
  World world({3, 0});
  world.health[1] = kDown;
  const Decision decision = world.decide();
  EXPECT_TRUE(decision.servers[0].up);
  EXPECT_EQ(decision.servers[0].weight, 3);
  EXPECT_FALSE(decision.servers[1].up);
  EXPECT_FALSE(decision.servers[1].unchecked);
  EXPECT_EQ(decision.weight_up, 3u);
  EXPECT_FALSE(decision.next);
}

TEST(Policy, QuiesceKeepsAFailedServerAtWeight0) {
  World world({3});
  world.service.on_server_down = OnServerDown::kQuiesce;
  world.health[0] = kDown;
  const ServerDecision server = world.decide().servers[0];
  EXPECT_TRUE(server.up);
  EXPECT_EQ(server.weight, 0);
  EXPECT_FALSE(server.in_service);
  world.health[0] = kUnchecked;
  EXPECT_FALSE(world.decide().servers[0].up);
}

TEST(Policy, TreatsMaintenanceAsDown) {
  World world({3, 1});
  world.own(0).admin_state = AdminState::kMaint;
  const ServerDecision server = world.decide().servers[0];
  EXPECT_FALSE(server.up);
  EXPECT_FALSE(server.unchecked);
  EXPECT_EQ(world.decide().weight_up, 1u);
}

TEST(Policy, KeepsConnectionsOfADrainedServerUntilTheDeadline) {
  World world({3, 1});
  world.own(0) = {AdminState::kDrain, world.now + seconds(10), {}};
  Decision decision = world.decide();
  EXPECT_FALSE(decision.servers[0].up);
  EXPECT_TRUE(decision.servers[0].unchecked);
  EXPECT_EQ(decision.servers[0].drain_left, seconds(10));
  EXPECT_EQ(decision.next, world.now + seconds(10));
  world.now += milliseconds(9'999);
  EXPECT_FALSE(world.decide().servers[0].end);
  world.now += milliseconds(1);
  decision = world.decide();
  EXPECT_TRUE(decision.servers[0].end);
  EXPECT_FALSE(decision.servers[0].unchecked);
  EXPECT_FALSE(decision.next);
  world.own(0) = {};
  EXPECT_TRUE(world.decide().servers[0].up);
  EXPECT_FALSE(world.decide().servers[0].end);
}

TEST(Policy, TakesDownADrainedServerThatFails) {
  World world({3});
  world.own(0) = {AdminState::kDrain, {}, {}};
  world.health[0] = kDown;
  EXPECT_FALSE(world.decide().servers[0].unchecked);
  EXPECT_FALSE(world.decide().servers[0].end);
}

TEST(Policy, AppliesHysteresisToTheQuorum) {
  World world({2, 2, 1});
  world.service.quorum = 3;
  world.service.quorum_hysteresis = 1;
  EXPECT_EQ(world.decide().quorum, true);
  world.health[0] = kDown;  // 3 are left: quorum - hysteresis is 2
  EXPECT_EQ(world.decide().quorum, true);
  world.health[2] = kDown;
  EXPECT_EQ(world.decide().quorum, true);
  world.own(1).weight = 1;
  EXPECT_EQ(world.decide().quorum, false);
  EXPECT_FALSE(world.decide().quorum_changed);
  world.own(1).weight = 3;  // quorum + hysteresis is 4
  EXPECT_EQ(world.decide().quorum, false);
  world.own(1).weight = 4;
  EXPECT_TRUE(world.decide().quorum_changed);
  EXPECT_EQ(world.decide().quorum, true);
}

TEST(Policy, KnowsNoQuorumBeforeAllServersAreChecked) {
  World world({1, 1});
  world.service.quorum = 2;
  world.health = {kUp, kUnchecked};
  EXPECT_EQ(world.decide().quorum, std::nullopt);
  world.health[1] = kDown;
  const Decision decision = world.decide();
  EXPECT_EQ(decision.quorum, false);
  EXPECT_TRUE(decision.quorum_changed);
  EXPECT_FALSE(decision.sorry) << "there is none";
}

TEST(Policy, UsesTheSorryServer) {
  World world({1, 1});
  world.service.quorum = 2;
  world.service.sorry_server.emplace().address = address(9);
  EXPECT_FALSE(world.decide().sorry);
  world.health[0] = kDown;
  EXPECT_TRUE(world.decide().sorry);
  EXPECT_EQ(world.weights(), (Weights{0, 0}));
  EXPECT_TRUE(world.decide().servers[1].up) << "its connections stay";
  world.health[0] = kUp;
  EXPECT_FALSE(world.decide().sorry);
  EXPECT_EQ(world.weights(), (Weights{1, 1}));
}

TEST(Policy, ReportsNoChangeForAnAdoptedQuorum) {
  World plain({1});
  adopt_quorum(plain.known(), false);
  EXPECT_FALSE(plain.decide().quorum_changed);
  World lost({1});
  lost.service.sorry_server.emplace().address = address(9);
  adopt_quorum(lost.known(), true);
  lost.health[0] = kUnchecked;
  EXPECT_TRUE(lost.decide().sorry);
  lost.health[0] = kUp;
  EXPECT_TRUE(lost.decide().quorum_changed);
  EXPECT_FALSE(lost.decide().sorry);
}

TEST(Policy, RampsUpAReturningServer) {
  World world({1, 2});
  world.service.slow_start = seconds(20);
  EXPECT_EQ(world.weights(), (Weights{1, 2})) << "not at the start";
  world.health[0] = kDown;
  world.decide();
  world.health[0] = kUp;
  EXPECT_EQ(world.weights(), (Weights{1, 200}));
  EXPECT_EQ(world.decide().next, world.now + seconds(1));
  world.now += seconds(1);
  EXPECT_EQ(world.weights(), (Weights{5, 200}));
  world.now += seconds(9);
  EXPECT_EQ(world.weights(), (Weights{50, 200}));
  EXPECT_EQ(world.decide().servers[0].ramp, 50u);
  world.now += seconds(10);
  EXPECT_EQ(world.weights(), (Weights{1, 2}));
  EXPECT_FALSE(world.decide().next);
}

TEST(Policy, KeepsLargeWeightsInRangeDuringSlowStart) {
  World world({60'000, 3, 0});
  world.service.slow_start = seconds(20);
  world.decide();
  world.health[1] = world.health[2] = kDown;
  world.decide();
  world.health[1] = world.health[2] = kUp;
  EXPECT_EQ(world.weights(), (Weights{60'000, 1, 0}));
}

TEST(Policy, DoesNotScaleConnectionLimitsDuringSlowStart) {
  World world({50, 10});
  world.service.scheduler = Scheduler::kOvf;
  world.service.slow_start = seconds(20);
  world.decide();
  world.health[0] = kDown;
  world.decide();
  world.health[0] = kUp;
  world.decide();
  world.now += seconds(2);
  EXPECT_EQ(world.weights(), (Weights{5, 10}));
}

TEST(Policy, DropsChangesWithoutEffect) {
  World world({5});
  Service& web = world.known();
  web.changes.in_force.scheduler = web.changes.saved.scheduler = world.service.scheduler;
  prune(web);
  EXPECT_FALSE(web.changes.any());
  EXPECT_EQ(web.changes, Changes<ServiceOverride>{});
  RealServer& server = web.servers.front();
  server.changes.in_force.weight = server.changes.saved.weight = 5;
  server.changes.in_force.deadline = world.now;
  prune(server);
  EXPECT_EQ(server.changes, Changes<ServerOverride>{});
}

// What is promised, said in another way: by the history of each server.
struct Oracle {
  bool quorum = false;
  bool known = false;

  void check(World& world, const Decision& decision) {
    std::uint64_t sum = 0;
    bool all_checked = true;
    for (unsigned i = 0; i < world.health.size(); ++i) {
      const ServerOverride own = world.own(i);
      const bool serves = world.health[i] == kUp && own.admin_state == AdminState::kReady;
      if (serves) sum += own.weight.value_or(world.service.real_servers[i].weight);
      all_checked = all_checked && world.health[i] != kUnchecked;
    }
    const std::uint64_t low = world.service.quorum - world.service.quorum_hysteresis;
    const std::uint64_t high = world.service.quorum + world.service.quorum_hysteresis;
    if (sum >= high) {
      quorum = known = true;
    } else if (all_checked && (sum < low || !known)) {
      quorum = false;
      known = true;
    }
    ASSERT_EQ(decision.weight_up, sum);
    ASSERT_EQ(decision.quorum.has_value(), known);
    ASSERT_EQ(decision.sorry, known && !quorum);
    for (unsigned i = 0; i < world.health.size(); ++i) check_server(world, decision, i);
  }

  static void check_server(World& world, const Decision& decision, unsigned i) {
    const ServerDecision& server = decision.servers[i];
    const ServerOverride own = world.own(i);
    const bool serves = world.health[i] == kUp && own.admin_state == AdminState::kReady;
    const bool quiesce = world.service.on_server_down == OnServerDown::kQuiesce;
    const std::uint16_t plain = own.weight.value_or(world.service.real_servers[i].weight);
    const bool ended =
        own.admin_state == AdminState::kDrain && own.deadline && *own.deadline <= world.now;
    ASSERT_EQ(server.end, ended);
    ASSERT_EQ(server.in_service, serves);
    const bool candidate = server.up && server.weight > 0;
    ASSERT_EQ(candidate, serves && plain > 0 && !decision.sorry);
    if (server.up && !serves) {
      ASSERT_TRUE(quiesce);
    }
    // Connections are kept while the server may return, or an operator wants it.
    const bool alive = own.admin_state == AdminState::kDrain && world.health[i] == kUp;
    if (alive && !ended) {
      ASSERT_TRUE(server.unchecked);
    }
    ASSERT_LE(server.weight, config::kMaxWeight);
  }
};

TEST(Policy, KeepsItsInvariantsInRandomSequences) {
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE("LB_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&random](unsigned n) { return static_cast<unsigned>(random() % n); };
  for (unsigned round = 0; round < test::rounds(300); ++round) {
    World world({1, 2, 3, static_cast<std::uint16_t>(below(65'536))});
    world.health.assign(4, kUnchecked);
    world.service.quorum = 1 + below(6);
    world.service.quorum_hysteresis = below(world.service.quorum);
    world.service.sorry_server.emplace().address = address(9);
    if (below(2) == 0) world.service.on_server_down = OnServerDown::kQuiesce;
    world.service.slow_start = seconds(below(3) * 10);
    Oracle oracle;
    for (int step = 0; step < 100; ++step) {
      const unsigned i = below(4);
      switch (below(5)) {
        case 0:
        case 1:
          world.health[i] = below(2) == 0 ? kUp : kDown;
          break;
        case 2:
          world.own(i).admin_state = static_cast<AdminState>(below(3));
          world.own(i).deadline.reset();
          if (world.own(i).admin_state == AdminState::kDrain && below(2) == 0) {
            world.own(i).deadline = world.now + seconds(below(5));
          }
          break;
        case 3:
          world.own(i).weight = static_cast<std::uint16_t>(below(5));
          break;
        default:
          world.now += milliseconds(below(3000));
      }
      oracle.check(world, world.decide());
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace lb::controlplane
