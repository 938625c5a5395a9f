#include "dataplane/conn/record_pool.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

namespace lb {
namespace {

class PoolTest : public testing::Test {
 protected:
  void make(std::uint32_t max_connections, unsigned workers) {
    const std::uint32_t records = RecordPool::records_for(max_connections, workers);
    records_ = std::vector<Record>(records);
    next_chunk_.assign(records / RecordPool::kChunk, 0);
    workers_ = std::vector<RecordPool::Worker>(workers);
    pool_ = std::make_unique<RecordPool>(RecordPool::Memory{records_, next_chunk_, workers_},
                                         max_connections);
  }

  // As many as there are, while the other workers do their upkeep.
  std::vector<Record*> take_all(unsigned worker) {
    std::vector<Record*> taken;
    while (Record* record = pool_->allocate(worker)) {
      taken.push_back(record);
      for (unsigned w = 0; w < workers_.size(); ++w) pool_->share_permits(w);
    }
    return taken;
  }
  void free_dead(unsigned worker) {
    for (std::uint32_t link = pool_->take_dead(worker); link != 0;) {
      const std::uint32_t index = link - 1;
      link = pool_->link(index);
      pool_->free(worker, index, index);
    }
  }

  std::vector<Record> records_;
  std::vector<std::uint32_t> next_chunk_;
  std::vector<RecordPool::Worker> workers_;
  std::unique_ptr<RecordPool> pool_;
};

TEST_F(PoolTest, HasAnExactLimitOverAllWorkers) {
  for (const std::uint32_t max : {1U, 100U, 257U, 5'000U}) {
    for (const unsigned workers : {1U, 3U}) {
      make(max, workers);
      std::set<Record*> taken;
      for (unsigned w = 0; taken.size() < max; w = (w + 1) % workers) {
        Record* record = pool_->allocate(w);
        if (record == nullptr) {
          // Only while another worker holds permits that it has not given back yet.
          for (unsigned v = 0; v < workers; ++v) pool_->share_permits(v);
          record = pool_->allocate(w);
        }
        ASSERT_NE(record, nullptr) << taken.size() << " of " << max;
        ASSERT_TRUE(taken.insert(record).second);
      }
      for (unsigned w = 0; w < workers; ++w) EXPECT_EQ(pool_->allocate(w), nullptr);
    }
  }
}

TEST_F(PoolTest, OneWorkerCanHaveAll) {
  make(10'000, 4);
  EXPECT_EQ(take_all(2).size(), 10'000U);
  EXPECT_EQ(pool_->chunks(2), (10'000 + RecordPool::kChunk - 1) / RecordPool::kChunk);
}

TEST_F(PoolTest, CapacityFollowsTheTraffic) {
  make(10'000, 2);
  for (Record* record : take_all(0)) pool_->retire(0, *record);
  free_dead(0);
  // The other worker has to fall back on records of the first one's chunks.
  const std::vector<Record*> taken = take_all(1);
  EXPECT_EQ(taken.size(), 10'000U);
  for (Record* record : taken) pool_->retire(1, *record);
  free_dead(0);
  free_dead(1);
  EXPECT_EQ(take_all(0).size(), 10'000U);
}

TEST_F(PoolTest, AKilledConnectionsPermitIsFreeAtOnce) {
  make(100, 1);
  std::vector<Record*> taken = take_all(0);
  ASSERT_EQ(taken.size(), 100U);
  for (int i = 0; i < 300; ++i) {
    pool_->retire(0, *taken[static_cast<std::size_t>(i % 100)]);
    Record* record = pool_->allocate(0);
    ASSERT_NE(record, nullptr) << i;  // while none of the dead is freed
    taken[static_cast<std::size_t>(i % 100)] = record;
    EXPECT_EQ(pool_->allocate(0), nullptr);
  }
}

TEST_F(PoolTest, AReleasedRecordComesBackWithItsPermit) {
  make(1, 2);
  for (int i = 0; i < 10; ++i) {
    Record* record = pool_->allocate(1);
    ASSERT_NE(record, nullptr);
    pool_->release(1, *record);
  }
  EXPECT_EQ(pool_->chunks(1), 1U);
}

TEST_F(PoolTest, ChunksAreListedInOrder) {
  make(3'000, 2);
  for (int i = 0; i < 700; ++i) {
    ASSERT_NE(pool_->allocate(0), nullptr);
    ASSERT_NE(pool_->allocate(1), nullptr);
  }
  for (unsigned w = 0; w < 2; ++w) {
    std::vector<std::uint32_t> chunks;
    for (std::uint32_t c = pool_->first_chunk(w); c != RecordPool::kNone;
         c = pool_->chunk_after(c)) {
      chunks.push_back(c);
      EXPECT_EQ(records_[c].owner, w);
    }
    EXPECT_EQ(chunks.size(), pool_->chunks(w));
    EXPECT_EQ(chunks.size(), 3U);
    EXPECT_TRUE(std::is_sorted(chunks.begin(), chunks.end()));
  }
}

}  // namespace
}  // namespace lb
