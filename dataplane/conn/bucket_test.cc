#include "dataplane/conn/bucket.h"

#include <gtest/gtest.h>

namespace lb {
namespace {

TEST(Slot, HoldsTagDirectionAndIndex) {
  const std::uint64_t slot = make_slot(0xdead'beef'0000'0000, 1, 0xffff'fffe);
  EXPECT_EQ(slot_tag(slot), 0xdead'beefU >> 1);
  EXPECT_EQ(slot_dir(slot), 1U);
  EXPECT_EQ(slot_index(slot), 0xffff'fffeU);
}

TEST(Slot, IsNeverEmpty) {
  EXPECT_EQ(tag_of(0), 1U);
  EXPECT_NE(make_slot(0, 0, 0), 0U);
  EXPECT_EQ(tag_of(std::uint64_t{7} << 33), 7U);
}

TEST(Bucket, MatchFindsEachSlotInBothDirections) {
  constexpr std::uint64_t kHash = 0x8000'0001'0000'0000;
  for (const unsigned dir : {0U, 1U}) {
    for (unsigned i = 0; i < kSlots; ++i) {
      Bucket bucket;
      bucket.slots[i].store(make_slot(kHash, dir, 42));
      EXPECT_EQ(match_tag(bucket, tag_of(kHash)), 1U << i);
      EXPECT_EQ(match_tag(bucket, tag_of(kHash) + 1), 0U);
    }
  }
}

TEST(Bucket, MatchReportsAllOfThem) {
  Bucket bucket;
  for (unsigned i = 0; i < kSlots; ++i) {
    bucket.slots[i].store(
        make_slot(i % 2 == 0 ? std::uint64_t{5} << 33 : std::uint64_t{6} << 33, 0, i));
  }
  EXPECT_EQ(match_tag(bucket, 5), 0b1010101U);
  EXPECT_EQ(match_tag(bucket, 6), 0b0101010U);
}

TEST(Bucket, MatchLooksAtSlotsOnly) {
  Bucket bucket;
  // A chain index that looks like a tag, and a record index that does.
  bucket.header.store(with_chain(0, 5U << 1));
  bucket.slots[0].store(make_slot(std::uint64_t{9} << 33, 0, 5U << 1));
  EXPECT_EQ(match_tag(bucket, 5), 0U);
}

TEST(Header, FieldsDoNotTouchEachOther) {
  std::uint64_t header = with_chain(kLockBit + 3 * kOneOverflow, 0xffff'ffff);
  EXPECT_EQ(overflow_of(header), 3U);
  EXPECT_EQ(chain_of(header), 0xffff'ffffU);
  header = with_chain(header, 0) - 3 * kOneOverflow;
  EXPECT_EQ(header, kLockBit);
}

}  // namespace
}  // namespace lb
