// The index of the connection table: from a key's hash to the records that may have the key.
// bucket.h has the layout and who may write what.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "dataplane/conn/bucket.h"
#include "dataplane/conn/index_stack.h"
#include "dataplane/conn/record.h"
#include "dataplane/packet/flow.h"

namespace lb {

class ConnIndex {
 public:
  // `links` has one entry per chain bucket. All memory is the caller's and outlives the index.
  struct Memory {
    std::span<Bucket> buckets;
    std::span<Bucket> chain_buckets;
    std::span<std::atomic<std::uint32_t>> links;
    Record* records = nullptr;
  };
  explicit ConnIndex(const Memory& memory);

  // ---- readers, without locks

  const Bucket& primary(std::uint64_t hash) const { return buckets_[primary_of(hash)]; }

  // First slot of the primary bucket with the hash's tag; 0: none.
  std::uint64_t probe(std::uint64_t hash) const {
    const Bucket& bucket = primary(hash);
    const std::uint32_t tag = tag_of(hash);
    const unsigned mask = match_tag(bucket, tag);
    if (mask == 0) return 0;
    // Acquire: pairs with the release in put(); the record is filled. The slot may have changed
    // since it was scanned.
    const std::uint64_t slot = bucket.slots[__builtin_ctz(mask)].load(std::memory_order_acquire);
    return slot_tag(slot) == tag ? slot : 0;
  }

  // Can a key with this hash be anywhere else than in the primary bucket?
  bool overflowed(std::uint64_t hash) const {
    return overflow_of(primary(hash).header.load(std::memory_order_acquire)) != 0;
  }

  // The live record with the key, and by which of its keys. A key that is there from before
  // the call until after it is found.
  Hit find(const FlowTuple& tuple, std::uint8_t proto, std::uint64_t hash) const;

  // ---- writers: workers only, because a preempted lock holder holds others up

  // Locks the primary buckets of one or two keys, in the order of their addresses.
  class Lock {
   public:
    Lock(ConnIndex& index, std::uint64_t hash);
    Lock(ConnIndex& index, std::uint64_t a, std::uint64_t b);
    ~Lock();
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    Bucket* first_;
    Bucket* second_ = nullptr;
  };

  // Both need the lock of the hash's primary bucket. insert() returns false when primary and
  // alternate bucket are full and no chain bucket is left. erase() of a slot that was inserted
  // always succeeds; it returns the chain bucket that it emptied and unlinked, which goes back by
  // recycle() after a grace period, or kNoBucket.
  static constexpr std::uint32_t kNoBucket = IndexStack::kEmpty;
  bool insert(std::uint64_t hash, std::uint64_t slot);
  std::uint32_t erase(std::uint64_t hash, std::uint64_t slot);

  // Lists of unlinked chain buckets: links are 1 + index, 0 ends the list.
  std::atomic<std::uint32_t>& link(std::uint32_t chain_bucket) { return links_[chain_bucket]; }
  void recycle(std::uint32_t chain_bucket);

  // What lies where; for tests and benchmarks. Reads the whole index.
  struct Usage {
    std::uint64_t buckets = 0, chain_buckets = 0;         // there are
    std::uint64_t keys = 0, overflowed = 0, chained = 0;  // overflowed: not in the primary bucket
    std::uint64_t chain_buckets_used = 0;
  };
  Usage usage() const;

 private:
  std::uint32_t primary_of(std::uint64_t hash) const {
    return scale(static_cast<std::uint32_t>(hash));
  }
  std::uint32_t alternate_of(std::uint64_t hash) const;
  // Maps 32 random bits to a bucket without a division and without asking for a power of two.
  std::uint32_t scale(std::uint32_t random) const {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(random) * bucket_count_ >> 32);
  }
  Hit match(const Bucket& bucket, const FlowTuple& tuple, std::uint8_t proto,
            std::uint32_t tag) const;
  bool insert_in_chain(Bucket& home, std::uint64_t slot);
  std::uint32_t erase_from_chain(Bucket& home, std::uint64_t slot);

  static bool put(Bucket& bucket, std::uint64_t slot);
  static bool clear(Bucket& bucket, std::uint64_t slot);
  static void lock(Bucket& bucket);
  static void unlock(Bucket& bucket);

  Bucket* buckets_;
  Record* records_;
  std::uint64_t bucket_count_;
  Bucket* chain_buckets_;
  std::atomic<std::uint32_t>* links_;
  std::uint32_t chain_bucket_count_;
  alignas(kCacheLine) IndexStack free_chain_buckets_;
};

// One comparison and one branch for all of a key.
inline bool is_same(const FlowTuple& a, const FlowTuple& b) {
  std::uint64_t addresses[2];
  std::uint32_t ports[2];
  __builtin_memcpy(&addresses[0], &a, 8);
  __builtin_memcpy(&addresses[1], &b, 8);
  __builtin_memcpy(&ports[0], &a.sport, 4);
  __builtin_memcpy(&ports[1], &b.sport, 4);
  return ((addresses[0] ^ addresses[1]) | (ports[0] ^ ports[1])) == 0;
}

// True if the record is visible and `tuple` is its key of direction `dir`.
inline bool has_key(const Record& record, unsigned dir, const FlowTuple& tuple,
                    std::uint8_t proto) {
  // Acquire: pairs with the release that made the record ready, or with kill()'s.
  return is_same(record.tuple[dir], tuple) && record.proto == proto &&
         is_live(record.state.load(std::memory_order_acquire));
}

}  // namespace lb
