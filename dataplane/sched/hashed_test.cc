#include "dataplane/sched/hashed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "dataplane/sched/testing/load.h"
#include "dataplane/service/build.h"

namespace lb {
namespace {

constexpr std::uint32_t kClients = 20'000;

struct Server {
  std::uint32_t address;
  std::uint16_t weight = 1;
  bool up = true;
};

// One service, as the control plane would describe it.
class World {
 public:
  World(Scheduler scheduler, const std::vector<Server>& servers) {
    ServiceSpec spec;
    spec.name = "web";
    spec.addresses = {{Ipv4Address::from_host(0xc000020a), 80, 80}};
    spec.scheduler = scheduler;
    for (const Server& server : servers) {
      RealServerSpec rs;
      rs.address = {Ipv4Address{Be32::from_host(server.address)}, 80};
      rs.weight = server.weight;
      rs.up = server.up;
      spec.real_servers.push_back(rs);
    }
    SnapshotSpec whole;
    whole.services.push_back(spec);
    snapshot_ = *build_snapshot(whole, {}, nullptr, [](std::uint32_t) { return false; });
  }

  // The address of the server for a packet from `src` to `dst`; 0: none.
  std::uint32_t pick(std::uint32_t src, std::uint32_t dst = 0xc000020a,
                     std::vector<std::uint32_t> not_wanted = {}) const {
    std::vector<std::uint32_t> tried;
    for (std::uint32_t slot = 0; slot < snapshot_->real_servers.size(); ++slot) {
      if (std::ranges::count(not_wanted, address(slot)) != 0) tried.push_back(slot);
    }
    const std::uint32_t slot =
        pick_hashed(snapshot_->services[0], {Be32::from_host(src), Be32::from_host(dst), {}, {}},
                    Filter(tried));
    return slot == kNoSlot ? 0 : address(slot);
  }

  const ServiceEntry& service() const { return snapshot_->services[0]; }

  std::vector<std::uint32_t> picks() const {
    std::vector<std::uint32_t> all;
    for (std::uint32_t i = 0; i < kClients; ++i) all.push_back(pick(0xc6330000 + i));
    return all;
  }

 private:
  std::uint32_t address(std::uint32_t slot) const {
    return snapshot_->real_servers[slot].address.host();
  }
  std::unique_ptr<Snapshot> snapshot_;
};

std::map<std::uint32_t, double> shares(const std::vector<std::uint32_t>& picks) {
  std::map<std::uint32_t, double> share;
  for (const std::uint32_t address : picks) share[address] += 1.0 / kClients;
  return share;
}

// Of the clients of servers other than `gone`, the share that is led elsewhere.
double moved(const std::vector<std::uint32_t>& before, const std::vector<std::uint32_t>& after,
             std::uint32_t gone) {
  double count = 0;
  for (std::uint32_t i = 0; i < kClients; ++i) {
    if (before[i] != gone && before[i] != after[i]) ++count;
  }
  return count / kClients;
}

class Hashed : public testing::TestWithParam<Scheduler> {};

TEST_P(Hashed, SharesFollowTheWeights) {
  const auto share = shares(World(GetParam(), {{1, 1}, {2, 2}, {3, 5}, {4, 0}}).picks());
  EXPECT_NEAR(share.at(1), 1 / 8.0, 0.01);
  EXPECT_NEAR(share.at(2), 2 / 8.0, 0.01);
  EXPECT_NEAR(share.at(3), 5 / 8.0, 0.01);
  EXPECT_FALSE(share.contains(4));
}

TEST_P(Hashed, VeryUnevenWeights) {
  std::vector<Server> servers;
  for (std::uint32_t i = 1; i <= 300; ++i) servers.push_back({i, 1});
  servers[7].weight = 300;
  const auto share = shares(World(GetParam(), servers).picks());
  EXPECT_NEAR(share.at(8), 300 / 599.0, 0.02);
  EXPECT_EQ(share.size(), 300U);
}

TEST_P(Hashed, NeitherOrderNorProcessMatters) {
  const World file(GetParam(), {{1, 1}, {2, 2}, {3, 5}, {4, 1}});
  const World other(GetParam(), {{4, 1}, {2, 2}, {1, 1}, {3, 5}});
  EXPECT_EQ(file.picks(), other.picks());
  for (const std::vector<std::uint32_t>& tried :
       {std::vector<std::uint32_t>{3}, {1, 3}, {1, 2, 3}}) {
    for (std::uint32_t client = 0; client < 500; ++client) {
      EXPECT_EQ(file.pick(client, 9, tried), other.pick(client, 9, tried));
    }
  }
}

TEST_P(Hashed, AServerThatIsDownMovesItsOwnClients) {
  const World before(GetParam(), {{1}, {2}, {3}, {4}, {5}});
  const World after(GetParam(), {{1}, {2}, {3, 1, false}, {4}, {5}});
  // Table entries of mh may change hands without need: maglev_test.cc has the figures.
  EXPECT_LE(moved(before.picks(), after.picks(), 3), GetParam() == Scheduler::kMh ? 0.02 : 0);
  const auto share = shares(after.picks());
  EXPECT_EQ(share.size(), 4U);
  for (const auto& [address, part] : share) EXPECT_NEAR(part, 0.25, 0.015) << address;
}

TEST_P(Hashed, DrainingIsNoWorseThanBeingDown) {
  const World before(GetParam(), {{1}, {2}, {3}, {4}, {5}});
  const World after(GetParam(), {{1}, {2}, {3, 0}, {4}, {5}});
  EXPECT_LE(moved(before.picks(), after.picks(), 3), GetParam() == Scheduler::kMh ? 0.02 : 0);
}

TEST_P(Hashed, SkipsUnacceptableServers) {
  const World world(GetParam(), {{1}, {2, 60'000}, {3}});
  for (std::uint32_t client = 0; client < 200; ++client) {
    const std::uint32_t first = world.pick(client);
    const std::uint32_t second = world.pick(client, 9, {2, first});
    EXPECT_TRUE(second == 1 || second == 3);
    EXPECT_NE(second, first);
    EXPECT_EQ(world.pick(client, 9, {1, 2, 3}), 0U);
  }
}

TEST_P(Hashed, NobodyUp) {
  EXPECT_EQ(World(GetParam(), {}).pick(1), 0U);
  EXPECT_EQ(World(GetParam(), {{1, 1, false}, {2, 0}}).pick(1), 0U);
}

TEST_P(Hashed, PeekNamesTheNextChoice) {
  const World world(GetParam(), {{1}, {2}});
  test::Workers workers(1);
  SchedulerState state(0, 1);
  for (std::uint32_t client = 0; client < 50; ++client) {
    const FlowTuple flow{Be32::from_host(client), {}, {}, {}};
    const std::uint32_t expected = state.peek(world.service(), 0, flow, 3);
    EXPECT_EQ(state.pick(world.service(), 0, flow, workers.load(), test::kAnyone), expected);
  }
  EXPECT_EQ(state.peek(World(GetParam(), {}).service(), 0, {}, 0), kNoSlot);
}

INSTANTIATE_TEST_SUITE_P(, Hashed, testing::Values(Scheduler::kSh, Scheduler::kMh),
                         [](const auto& scheduler) {
                           return scheduler.param == Scheduler::kSh ? "sh" : "mh";
                         });

TEST(HashedBy, ShAndMhByTheClientsAddress) {
  for (const Scheduler scheduler : {Scheduler::kSh, Scheduler::kMh}) {
    const World world(scheduler, {{1}, {2}, {3}});
    std::set<std::uint32_t> to;
    for (std::uint32_t dst = 0; dst < 100; ++dst) to.insert(world.pick(77, dst));
    EXPECT_EQ(to.size(), 1U);
  }
}

TEST(HashedBy, DhByTheServicesAddress) {
  const World world(Scheduler::kDh, {{1}, {2}, {3}});
  std::map<std::uint32_t, std::set<std::uint32_t>> to;
  for (std::uint32_t dst = 0; dst < 300; ++dst) {
    const std::uint32_t server = world.pick(1, dst);
    for (std::uint32_t src = 2; src < 20; ++src) EXPECT_EQ(world.pick(src, dst), server);
    to[server].insert(dst);
  }
  for (const auto& [server, addresses] : to) EXPECT_GT(addresses.size(), 70U) << server;
  EXPECT_EQ(to.size(), 3U);
}

// What a director said yesterday, it says today: these never change.
TEST(HashedBy, ValuesForGood) {
  const auto first = [](Scheduler scheduler) {
    const World world(scheduler, {{0x0a000001, 1}, {0x0a000002, 3}, {0x0a000003, 2}});
    std::string all;
    for (std::uint32_t i = 0; i < 12; ++i) {
      all += std::to_string(world.pick(0xc6336401 + i, 0xc0000201 + i) & 0xff);
    }
    return all;
  };
  EXPECT_EQ(first(Scheduler::kSh), "232333232212");
  EXPECT_EQ(first(Scheduler::kDh), "232213332212");
  EXPECT_EQ(first(Scheduler::kMh), "123323321221");
}

}  // namespace
}  // namespace lb
