#include "dataplane/service/return_paths.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "dataplane/conn/testing/test_hops.h"

namespace lb {
namespace {

Be32 client(std::uint32_t number) {
  return Be32::from_host(0x0a000000 + number);
}

// Tells of each client which hop is its own; the numbers of 400 are enough to tell them apart.
ClientHop own_hop(std::uint32_t number) {
  return test::hop_of(number % 400);
}

// With the hops that they refer to.
struct TestPaths {
  explicit TestPaths(std::size_t clients) : paths(clients) {}
  bool learn(Be32 client, ClientHop hop, std::uint32_t now) {
    return paths.learn(client, hop, now, *hops);
  }
  std::optional<ClientHop> find(Be32 client) {
    const std::uint32_t index = paths.find(client);
    return index == HopTable::kNone ? std::nullopt : std::optional(hops->at(index));
  }

  test::TestHops hops{1024};
  ReturnPaths paths;
};

TEST(ReturnPaths, RemembersTheLastPath) {
  TestPaths paths(64);
  EXPECT_FALSE(paths.find(client(1)));
  EXPECT_TRUE(paths.learn(client(1), own_hop(1), 0));
  EXPECT_EQ(paths.find(client(1)), own_hop(1));
  EXPECT_FALSE(paths.find(client(2)));
  EXPECT_TRUE(paths.learn(client(1), own_hop(2), 5));
  EXPECT_EQ(paths.find(client(1)), own_hop(2));
}

TEST(ReturnPaths, FollowsAHopThatMoves) {
  TestPaths paths(64);
  paths.learn(client(1), own_hop(1), 0);
  paths.learn(client(2), own_hop(2), 0);
  paths.hops->move(std::vector<HopMove>{{own_hop(1), own_hop(3)}});
  EXPECT_EQ(paths.find(client(1)), own_hop(3));
  EXPECT_EQ(paths.find(client(2)), own_hop(2));
}

TEST(ReturnPaths, RefusesAHopWithoutRoomAndKeepsTheOldOne) {
  TestPaths paths(64);
  paths.learn(client(1), own_hop(0), 0);
  std::uint32_t n = 1000;
  while (paths.hops->look_up(test::hop_of(n)) != HopTable::kNone) ++n;
  EXPECT_TRUE(paths.learn(client(1), test::hop_of(n), 1));
  EXPECT_EQ(paths.find(client(1)), own_hop(0));
  EXPECT_FALSE(paths.learn(client(2), test::hop_of(n), 1));
  EXPECT_FALSE(paths.find(client(2)));
}

TEST(ReturnPaths, MarksTheHopsThatItHas) {
  TestPaths paths(1024);
  for (std::uint32_t i = 0; i < 300; ++i) paths.learn(client(i), own_hop(i % 7), 0);
  for (std::uint32_t i = 0; i < 50; ++i) paths.hops->look_up(test::hop_of(1000 + i));
  paths.hops->begin_epoch();
  for (std::size_t at = 0; (at = paths.paths.mark(at, 10, *paths.hops)) != 0;) {
  }
  paths.hops->condemn(0, 1024);
  paths.hops->free(0, 1024);
  EXPECT_EQ(paths.hops->used(), 1U + 7U);
}

TEST(ReturnPaths, KeepsAsManyAsFitAndNeverMixesThemUp) {
  TestPaths paths(1024);
  for (std::uint32_t i = 0; i < 512; ++i) paths.learn(client(i), own_hop(i), i);
  unsigned known = 0;
  for (std::uint32_t i = 0; i < 512; ++i) {
    const auto hop = paths.find(client(i));
    if (!hop) continue;
    ++known;
    EXPECT_EQ(*hop, own_hop(i));
  }
  EXPECT_GT(known, 450U) << "half full";
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    paths.learn(client(i), own_hop(i), i / 1000);
    ASSERT_EQ(paths.find(client(i)), own_hop(i)) << "the last one is always known";
  }
}

// A client's entry outlives a flood of others for as long as a tick lasts: they take the place of
// one another.
TEST(ReturnPaths, KeepsTheOthersInAFloodWithinATick) {
  constexpr auto kPlaces = static_cast<std::uint32_t>(ReturnPaths::kPlaces);
  TestPaths paths(kPlaces);
  for (std::uint32_t i = 0; i < kPlaces; ++i) paths.learn(client(i), own_hop(i), 0);
  for (std::uint32_t i = 100; i < 10'000; ++i) paths.learn(client(i), own_hop(i), 0);
  unsigned known = 0;
  for (std::uint32_t i = 0; i < kPlaces; ++i) known += paths.find(client(i)) ? 1U : 0U;
  EXPECT_EQ(known, kPlaces - 1);
}

TEST(ReturnPaths, NeverMixesTheWritesOfTwoWorkers) {
  TestPaths paths(ReturnPaths::kPlaces);  // all meet in one line
  std::vector<std::thread> workers;
  for (std::uint32_t w = 0; w < 3; ++w) {
    workers.emplace_back([&paths, w] {
      for (std::uint32_t i = 0; i < 100'000; ++i) {
        const std::uint32_t number = (i * 7 + w) % 40;
        paths.learn(client(number), own_hop(number), i);
        const auto hop = paths.find(client((number + 1) % 40));
        ASSERT_EQ(hop.value_or(own_hop((number + 1) % 40)), own_hop((number + 1) % 40));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
}

}  // namespace
}  // namespace lb
