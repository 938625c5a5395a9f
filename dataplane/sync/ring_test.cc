#include "dataplane/sync/ring.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <thread>

#include "config/base/testing/randomised.h"
#include "dataplane/sync/change_log.h"

namespace lb {
namespace {

TEST(SpscRing, HoldsAsManyAsItHasRoomForInOrder) {
  SpscRing<int> ring(4);
  EXPECT_EQ(ring.waiting(), 0U);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(i));
  EXPECT_FALSE(ring.push(4)) << "full";
  ASSERT_EQ(ring.waiting(), 4U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(ring.peek(i), static_cast<int>(i));
}

TEST(SpscRing, RoundsItsRoomUpToAPowerOfTwo) {
  SpscRing<int> ring(5);
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(ring.push(i));
  EXPECT_FALSE(ring.push(8));
}

TEST(SpscRing, ARefusedPushChangesNothing) {
  SpscRing<int> ring(2);
  ring.push(1);
  ring.push(2);
  EXPECT_FALSE(ring.push(3));
  EXPECT_EQ(ring.waiting(), 2U);
  EXPECT_EQ(ring.peek(0), 1);
  EXPECT_EQ(ring.peek(1), 2);
}

TEST(SpscRing, GoesRoundAndRound) {
  SpscRing<std::uint32_t> ring(8);
  std::uint32_t in = 0;
  std::uint32_t out = 0;
  for (unsigned round = 0; round < 1'000; ++round) {
    for (unsigned n = 0; n < 1 + round % 8; ++n) in += ring.push(in) ? 1U : 0U;
    const std::size_t take = ring.waiting() * (round % 3) / 2;
    for (std::size_t i = 0; i < take; ++i) ASSERT_EQ(ring.peek(i), out + i);
    ring.pop(take);
    out += static_cast<std::uint32_t>(take);
    ASSERT_EQ(ring.waiting(), in - out);
  }
  EXPECT_GT(out, 1'000U);
}

// An entry that was written in one piece is read in one piece, and none is lost or comes twice.
TEST(SpscRing, FromOneThreadToAnother) {
  struct Entry {
    std::uint64_t number = 0, thrice = 0;
  };
  constexpr std::uint64_t kEntries = test::rounds(2'000'000);
  SpscRing<Entry> ring(64);
  std::thread writer([&ring] {
    for (std::uint64_t n = 0; n < kEntries;) {
      if (ring.push({n, 3 * n})) {
        ++n;
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::uint64_t next = 0;
  std::uint64_t wrong = 0;
  while (next < kEntries) {
    const std::size_t waiting = ring.waiting();
    if (waiting == 0) std::this_thread::yield();
    for (std::size_t i = 0; i < waiting; ++i, ++next) {
      const Entry entry = ring.peek(i);
      wrong += entry.number != next || entry.thrice != 3 * next ? 1U : 0U;
    }
    ring.pop(waiting);
  }
  writer.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(ring.waiting(), 0U);
}

TEST(RangeMarks, AreTakenOnce) {
  RangeMarks marks(3 * RangeMarks::kRange);
  EXPECT_FALSE(marks.take_any());
  marks.mark(RangeMarks::kRange);
  marks.mark(2 * RangeMarks::kRange - 1);
  EXPECT_TRUE(marks.take_any());
  EXPECT_FALSE(marks.take_any());
  EXPECT_FALSE(marks.take(0));
  EXPECT_TRUE(marks.take(1));
  EXPECT_FALSE(marks.take(1));
}

TEST(RangeMarks, EveryRecordHasARange) {
  for (const std::uint32_t records : {1U, RangeMarks::kRange, RangeMarks::kRange + 1}) {
    RangeMarks marks(records);
    marks.mark(records - 1);
    EXPECT_TRUE(marks.take((records - 1) / RangeMarks::kRange));
    EXPECT_LT((records - 1) / RangeMarks::kRange, marks.ranges());
  }
}

// Whoever takes a mark sees what was done before it was made: else a change would be lost for good.
TEST(RangeMarks, FromOneThreadToAnother) {
  constexpr std::uint32_t kMarks = test::rounds(1'000'000);
  RangeMarks marks(4 * RangeMarks::kRange);
  std::atomic<std::uint32_t> done{0};  // relaxed: the mark alone is to make it known
  std::thread worker([&] {
    for (std::uint32_t n = 1; n <= kMarks; ++n) {
      done.store(n, std::memory_order_relaxed);
      marks.mark(n % 4 * RangeMarks::kRange);
    }
  });
  std::uint32_t seen = 0;
  while (seen < kMarks) {
    if (!marks.take_any()) {
      std::this_thread::yield();
      continue;
    }
    for (std::uint32_t range = 0; range < marks.ranges(); ++range) {
      if (marks.take(range)) seen = done.load(std::memory_order_relaxed);
    }
  }
  worker.join();
  EXPECT_EQ(seen, kMarks) << "the last mark was taken";
}

TEST(ChangeLog, LogsNothingUntilTurnedOn) {
  RangeMarks marks(100);
  ChangeLog log(marks);
  log.changed({1, 1});
  EXPECT_EQ(log.changed_ring().waiting(), 0U);
  log.turn(true);
  log.changed({1, 1});
  EXPECT_EQ(log.changed_ring().waiting(), 1U);
  log.turn(false);
  log.changed({2, 1});
  EXPECT_EQ(log.changed_ring().waiting(), 1U);
  EXPECT_EQ(log.lost() + log.lost_ends(), 0U);
}

TEST(SyncId, IsNeverZero) {
  for (std::uint32_t generation = 1; generation < 600; generation += 2) {
    for (std::uint32_t index = 0; index < 2'000; ++index) {
      ASSERT_NE(sync_id_of({index, generation}), 0) << index << " " << generation;
    }
  }
}

// Connections that follow each other on the same record, or on neighbouring ones, are
// distinguished.
TEST(SyncId, DiffersBetweenNeighbours) {
  unsigned same = 0;
  for (std::uint32_t generation = 1; generation < 2'001; generation += 2) {
    same += sync_id_of({7, generation}) == sync_id_of({7, generation + 2}) ? 1U : 0U;
    same += sync_id_of({generation, 1}) == sync_id_of({generation + 1, 1}) ? 1U : 0U;
  }
  EXPECT_EQ(same, 0U);
}

}  // namespace
}  // namespace lb
