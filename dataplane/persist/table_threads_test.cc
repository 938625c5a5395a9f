// Workers that bind the same few clients at once, while the main thread reads, takes changes and
// flushes. What is checked holds under every interleaving; under ThreadSanitizer the runs also
// check that none of it races.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <latch>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "config/base/testing/randomised.h"
#include "dataplane/persist/table.h"

namespace lb {
namespace {

constexpr unsigned kWorkers = 4;
constexpr unsigned kRounds = test::rounds(200'000);
constexpr std::uint32_t kForever = 1'000'000;

PersistUse use(std::uint32_t client, std::uint32_t server) {
  return {{1, Be32::from_host(client)}, {Be32::from_host(server), Be16{}}, 0, kForever};
}

template <typename Run>
void in_workers(Run run) {
  std::latch start(kWorkers);
  std::vector<std::thread> threads;
  for (unsigned w = 0; w < kWorkers; ++w) {
    threads.emplace_back([&, w] {
      start.arrive_and_wait();
      run(w);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(PersistTableThreads, AllWorkersSendAClientToOneServer) {
  constexpr std::uint32_t kClients = 5'000;
  PersistTable table({.max_entries = 10'000});
  ASSERT_TRUE(table.prepare());
  std::array<std::vector<std::uint32_t>, kWorkers> went;
  in_workers([&](unsigned w) {
    for (std::uint32_t n = 0; n < kClients; ++n) {
      went[w].push_back(table.claim(use(n, w), nullptr, 1).address.host());
    }
  });
  for (unsigned w = 1; w < kWorkers; ++w) EXPECT_EQ(went[w], went[0]);
  EXPECT_EQ(table.entries(), kClients);
}

TEST(PersistTableThreads, EverythingAtOnce) {
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE("LB_SEED=" + std::to_string(seed));
  constexpr std::uint32_t kClients = 6'000;
  PersistTable table({.max_entries = 4'000});  // several shards, all full
  ASSERT_TRUE(table.prepare());
  std::atomic<bool> done{false};
  std::atomic<std::uint32_t> now{1};
  std::atomic<std::uint64_t> wrong{0};
  std::thread main([&] {
    std::mt19937 random(seed);
    std::uint32_t cursor = 0;
    while (!done.load()) {
      table.begin_export();
      for (int i = 0; i < 50; ++i) {
        PersistRow rows[PersistTable::kSlice];
        for (std::size_t k = table.read(cursor, now, rows); k-- > 0;) {
          wrong += rows[k].key.scope != 1 || rows[k].server.address.host() >= kWorkers;
        }
        for (std::size_t k = table.take_changed(rows); k-- > 0;) wrong += rows[k].key.scope != 1;
        std::uint64_t count = 0;
        if (random() % 64 == 0) {
          table.flush(cursor, now, count, [](const PersistRow&) { return true; });
        }
      }
      table.end_export();
      ++now;
    }
  });
  in_workers([&](unsigned w) {
    std::mt19937 random(seed + 1 + w);
    std::uint32_t cursor = 0;
    for (unsigned i = 0; i < kRounds; ++i) {
      const PersistUse mine = use(static_cast<std::uint32_t>(random() % kClients), w);
      PersistServer found;
      switch (random() % 8) {
        case 0:
          table.renew(mine, now);
          break;
        case 1:
          table.confirm(mine, now);
          break;
        case 2:
          table.import(mine, 50, 1, random() % 2 == 0, now);
          break;
        case 3:
          if (random() % 8 == 0) table.remove(mine.key);
          break;
        case 4:
          cursor = table.sweep(cursor, now, [](const PersistRow& row) { return row.imported; });
          break;
        default:
          if (table.find(mine.key, now, found)) wrong += found.address.host() >= kWorkers;
          found = table.claim(mine, i % 4 == 0 ? &found : nullptr, now);
          wrong += found.address.host() >= kWorkers;
      }
    }
  });
  done = true;
  main.join();
  EXPECT_EQ(wrong.load(), 0u);

  // Each entry is still found by its key, and none is counted that is not there.
  std::uint32_t cursor = 0;
  std::uint64_t all = 0;
  do {
    cursor = table.sweep(cursor, now, [&](const PersistRow&) {
      ++all;
      return false;
    });
  } while (cursor != 0);
  EXPECT_EQ(all, table.entries());
  std::uint64_t removed = 0;
  for (std::uint32_t n = 0; n < kClients; ++n) removed += table.remove(use(n, 0).key);
  EXPECT_EQ(removed, all);
  EXPECT_EQ(table.entries(), 0u);
}

}  // namespace
}  // namespace lb
