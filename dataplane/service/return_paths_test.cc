#include "dataplane/service/return_paths.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace lb {
namespace {

Be32 client(std::uint32_t number) {
  return Be32::from_host(0x0a000000 + number);
}

// Tells of each client which hop is its own.
ClientHop hop_of(std::uint32_t number) {
  return {0x0123456789ab0000ULL + number % 0xffff + 1};
}

TEST(ReturnPaths, RemembersTheLastPath) {
  ReturnPaths paths(64);
  EXPECT_FALSE(paths.find(client(1)));
  paths.learn(client(1), hop_of(1), 0);
  EXPECT_EQ(paths.find(client(1)), hop_of(1));
  EXPECT_FALSE(paths.find(client(2)));
  paths.learn(client(1), hop_of(2), 5);
  EXPECT_EQ(paths.find(client(1)), hop_of(2));
}

TEST(ReturnPaths, KeepsAsManyAsFitAndNeverMixesThemUp) {
  ReturnPaths paths(1024);
  for (std::uint32_t i = 0; i < 512; ++i) paths.learn(client(i), hop_of(i), i);
  unsigned known = 0;
  for (std::uint32_t i = 0; i < 512; ++i) {
    const auto hop = paths.find(client(i));
    if (!hop) continue;
    ++known;
    EXPECT_EQ(*hop, hop_of(i));
  }
  EXPECT_GT(known, 450U) << "half full";
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    paths.learn(client(i), hop_of(i), i / 1000);
    ASSERT_EQ(paths.find(client(i)), hop_of(i)) << "the last one is always known";
  }
}

// A client's entry outlives a flood of others for as long as a tick lasts: they take the place of
// one another.
TEST(ReturnPaths, KeepsTheOthersInAFloodWithinATick) {
  ReturnPaths paths(4);
  for (std::uint32_t i = 0; i < 4; ++i) paths.learn(client(i), hop_of(i), 0);
  for (std::uint32_t i = 100; i < 10'000; ++i) paths.learn(client(i), hop_of(i), 0);
  unsigned known = 0;
  for (std::uint32_t i = 0; i < 4; ++i) known += paths.find(client(i)) ? 1U : 0U;
  EXPECT_EQ(known, 3U);
}

TEST(ReturnPaths, NeverMixesTheWritesOfTwoWorkers) {
  ReturnPaths paths(4);  // all meet in one line
  std::vector<std::thread> workers;
  for (std::uint32_t w = 0; w < 3; ++w) {
    workers.emplace_back([&paths, w] {
      for (std::uint32_t i = 0; i < 100'000; ++i) {
        const std::uint32_t number = (i * 7 + w) % 40;
        paths.learn(client(number), hop_of(number), i);
        const auto hop = paths.find(client((number + 1) % 40));
        ASSERT_EQ(hop.value_or(hop_of((number + 1) % 40)), hop_of((number + 1) % 40));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
}

}  // namespace
}  // namespace lb
