#include "dataplane/sync/import_queue.h"

#include <gtest/gtest.h>

#include <thread>

#include "config/base/testing/randomised.h"

namespace lb {
namespace {

// Numbered entries, from `first` on.
std::vector<SyncEntry> batch(std::uint32_t first, std::size_t entries) {
  std::vector<SyncEntry> made(entries);
  for (SyncEntry& entry : made) entry.age_ticks = first++;
  return made;
}

TEST(ImportQueue, IsEmptyAtFirst) {
  ImportQueue queue;
  EXPECT_TRUE(queue.next().empty());
  EXPECT_EQ(queue.begun(), 0U);
  EXPECT_EQ(queue.done(), 0U);
}

TEST(ImportQueue, GivesEntriesInOrderAndReportsDoneBatches) {
  ImportQueue queue;
  ASSERT_TRUE(queue.push(batch(0, 3)));
  ASSERT_TRUE(queue.push(batch(3, 2)));
  EXPECT_EQ(queue.begun(), 2U);
  ASSERT_EQ(queue.next().size(), 3U);
  queue.taken(2);
  ASSERT_EQ(queue.next().size(), 1U) << "the rest of the first batch";
  EXPECT_EQ(queue.next()[0].age_ticks, 2U);
  EXPECT_EQ(queue.done(), 0U);
  queue.taken(1);
  EXPECT_EQ(queue.done(), 0U) << "done when the worker comes for more";
  ASSERT_EQ(queue.next().size(), 2U);
  EXPECT_EQ(queue.done(), 1U);
  EXPECT_EQ(queue.next()[0].age_ticks, 3U);
  queue.taken(2);
  EXPECT_TRUE(queue.next().empty());
  EXPECT_EQ(queue.done(), 2U);
}

TEST(ImportQueue, AnEmptyBatchIsDoneAtOnce) {
  ImportQueue queue;
  ASSERT_TRUE(queue.push({}));
  ASSERT_TRUE(queue.push(batch(7, 1)));
  ASSERT_EQ(queue.next().size(), 1U);
  EXPECT_EQ(queue.done(), 1U);
}

TEST(ImportQueue, RefusesABatchBeyondItsRoomAndAcceptsItLater) {
  ImportQueue queue;
  unsigned taken = 0;
  while (queue.push(batch(taken, 1))) ++taken;
  EXPECT_GE(taken, 64U);
  EXPECT_LT(taken, 1'000U);
  EXPECT_EQ(queue.begun(), taken);
  std::vector<SyncEntry> refused = batch(taken, 1);
  EXPECT_FALSE(queue.push(std::move(refused)));
  ASSERT_EQ(refused.size(), 1U) << "still the caller's";  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(queue.next()[0].age_ticks, 0U);
  queue.taken(1);
  queue.next();
  EXPECT_TRUE(queue.push(std::move(refused)));
  for (unsigned n = 1; n <= taken; ++n) {
    ASSERT_EQ(queue.next().size(), 1U);
    EXPECT_EQ(queue.next()[0].age_ticks, n);
    queue.taken(1);
  }
  EXPECT_TRUE(queue.next().empty());
  EXPECT_EQ(queue.done(), queue.begun());
}

TEST(ImportQueue, CountsEntriesToo) {
  ImportQueue queue;
  ASSERT_TRUE(queue.push(batch(0, 300'000))) << "one batch always finds room";
  EXPECT_FALSE(queue.push(batch(0, 1)));
  queue.taken(queue.next().size());
  EXPECT_TRUE(queue.next().empty());
  EXPECT_TRUE(queue.push(batch(0, 1)));
}

TEST(ImportQueue, FromTheMainThreadToAWorker) {
  constexpr std::uint32_t kEntries = test::rounds(2'000'000);
  ImportQueue queue;
  std::thread worker([&queue] {
    std::uint32_t expected = 0;
    std::uint32_t wrong = 0;
    while (expected < kEntries) {
      const auto entries = queue.next();
      if (entries.empty()) {
        std::this_thread::yield();
        continue;
      }
      const std::size_t take = (entries.size() + 1) / 2;
      for (std::size_t i = 0; i < take; ++i) wrong += entries[i].age_ticks != expected++ ? 1U : 0U;
      queue.taken(take);
    }
    EXPECT_TRUE(queue.next().empty());
    EXPECT_EQ(wrong, 0U);
  });
  for (std::uint32_t next = 0; next < kEntries;) {
    const std::uint32_t size = std::min(1 + next % 97, kEntries - next);
    if (queue.push(batch(next, size))) {
      next += size;
    } else {
      std::this_thread::yield();
    }
    EXPECT_LE(queue.done(), queue.begun());
  }
  worker.join();
  EXPECT_EQ(queue.done(), queue.begun());
}

}  // namespace
}  // namespace lb
