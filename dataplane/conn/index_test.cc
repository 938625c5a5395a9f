#include "dataplane/conn/index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "dataplane/conn/testing/test_table.h"

namespace lb {
namespace {

// An index so small that keys overflow. Key n is that of record n, direction 0.
class IndexTest : public testing::Test {
 protected:
  static constexpr std::uint32_t kRecords = 200;

  void make(std::uint32_t buckets, std::uint32_t chain_buckets) {
    buckets_ = std::vector<Bucket>(buckets);
    chain_buckets_ = std::vector<Bucket>(chain_buckets);
    links_ = std::vector<std::atomic<std::uint32_t>>(chain_buckets);
    index_ = std::make_unique<ConnIndex>(
        ConnIndex::Memory{buckets_, chain_buckets_, links_, records_.data()});
  }
  IndexTest() : records_(kRecords) {
    for (std::uint32_t n = 0; n < kRecords; ++n) {
      records_[n].tuple[0] = test::nat_conn(n).tuple[0];
      records_[n].proto = kProtoTcp;
      records_[n].state = ConnState::kEstablished;
    }
  }

  std::uint64_t hash(std::uint32_t n) const {
    return flow_hash(records_[n].tuple[0], kProtoTcp, HashKey{{1, 2, 3, 4}});
  }
  bool insert(std::uint32_t n) {
    const ConnIndex::Lock lock(*index_, hash(n));
    return index_->insert(hash(n), make_slot(hash(n), 0, n));
  }
  std::uint32_t erase(std::uint32_t n) {
    const ConnIndex::Lock lock(*index_, hash(n));
    return index_->erase(hash(n), make_slot(hash(n), 0, n));
  }
  bool finds(std::uint32_t n) const {
    return index_->find(records_[n].tuple[0], kProtoTcp, hash(n)).record == &records_[n];
  }

  std::vector<Record> records_;
  std::vector<Bucket> buckets_, chain_buckets_;
  std::vector<std::atomic<std::uint32_t>> links_;
  std::unique_ptr<ConnIndex> index_;
};

TEST_F(IndexTest, FindsInsertedRecordsAndNothingElse) {
  make(50, 4);
  for (std::uint32_t n = 0; n < 100; ++n) ASSERT_TRUE(insert(n));
  for (std::uint32_t n = 0; n < kRecords; ++n) EXPECT_EQ(finds(n), n < 100) << n;
  EXPECT_FALSE(index_->find(records_[0].tuple[0], kProtoUdp, hash(0)));
  EXPECT_EQ(index_->usage().keys, 100U);
}

TEST_F(IndexTest, OverflowsIntoAlternateAndChainAndBack) {
  make(4, 30);
  for (std::uint32_t n = 0; n < 150; ++n) {
    ASSERT_TRUE(insert(n)) << n;
    for (std::uint32_t m = 0; m <= n; ++m) ASSERT_TRUE(finds(m)) << m << " of " << n;
  }
  ConnIndex::Usage usage = index_->usage();
  EXPECT_EQ(usage.keys, 150U);
  EXPECT_EQ(usage.chained, 150U - 4 * kSlots);
  EXPECT_GE(usage.overflowed, usage.chained);

  // In an order that empties chain buckets at the head, in the middle and at the end of chains.
  std::uint32_t recycled = 0;
  for (std::uint32_t i = 0; i < 150; ++i) {
    const std::uint32_t n = i * 77 % 150;
    const std::uint32_t emptied = erase(n);
    if (emptied != ConnIndex::kNoBucket) {
      index_->recycle(emptied);
      ++recycled;
    }
    ASSERT_FALSE(finds(n));
    for (std::uint32_t j = i + 1; j < 150; ++j) ASSERT_TRUE(finds(j * 77 % 150));
  }
  usage = index_->usage();
  EXPECT_EQ(usage.keys + usage.overflowed + usage.chain_buckets_used, 0U);
  EXPECT_GE(recycled, 150U / kSlots - 4);
  for (const Bucket& bucket : buckets_) EXPECT_EQ(bucket.header.load(), 0U);
}

TEST_F(IndexTest, FailsWhenFull) {
  make(1, 2);
  std::uint32_t n = 0;
  while (n < kRecords && insert(n)) ++n;
  EXPECT_EQ(n, 3 * kSlots);
  EXPECT_EQ(index_->usage().overflowed, 2 * kSlots);
  EXPECT_FALSE(finds(n));
  // The refused key left nothing behind, and room that comes back is used.
  EXPECT_EQ(erase(3), ConnIndex::kNoBucket);
  EXPECT_TRUE(insert(n));
  EXPECT_TRUE(finds(n));
  EXPECT_FALSE(insert(n + 1));
}

TEST_F(IndexTest, AnUnlinkedChainBucketWaitsToBeRecycled) {
  make(1, 1);
  for (std::uint32_t n = 0; n < kSlots + 1; ++n) ASSERT_TRUE(insert(n));
  const std::uint32_t emptied = erase(kSlots);
  ASSERT_NE(emptied, ConnIndex::kNoBucket);
  EXPECT_FALSE(insert(20));
  index_->recycle(emptied);
  EXPECT_TRUE(insert(20));
}

TEST_F(IndexTest, OneKeyLocksOneBucketEvenWhenItIsBoth) {
  make(1, 2);
  {
    const ConnIndex::Lock lock(*index_, hash(0), hash(1));
    EXPECT_EQ(buckets_[0].header.load(), kLockBit);
    EXPECT_TRUE(index_->insert(hash(0), make_slot(hash(0), 0, 0)));
  }
  EXPECT_EQ(buckets_[0].header.load(), 0U);
}

TEST_F(IndexTest, DistinguishesRecordsWithEqualTags) {
  make(3, 2);
  // All under the hash of key 0: only the records' keys differ.
  for (std::uint32_t n = 0; n < 5; ++n) {
    const ConnIndex::Lock lock(*index_, hash(0));
    ASSERT_TRUE(index_->insert(hash(0), make_slot(hash(0), 0, n)));
  }
  for (std::uint32_t n = 0; n < 6; ++n) {
    const Hit hit = index_->find(records_[n].tuple[0], kProtoTcp, hash(0));
    EXPECT_EQ(hit.record, n < 5 ? &records_[n] : nullptr);
  }
}

}  // namespace
}  // namespace lb
