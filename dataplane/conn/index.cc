#include "dataplane/conn/index.h"

#include <emmintrin.h>

#include <thread>
#include <utility>

namespace lb {

namespace {

// A lock is held for some tens of nanoseconds, unless its holder was preempted, which happens where
// workers share a CPU; then spinning on only keeps it from running.
constexpr unsigned kSpins = 2'000;

}  // namespace

ConnIndex::ConnIndex(const Memory& memory)
    : buckets_(memory.buckets.data()),
      records_(memory.records),
      bucket_count_(memory.buckets.size()),
      chain_buckets_(memory.chain_buckets.data()),
      links_(memory.links.data()),
      chain_bucket_count_(static_cast<std::uint32_t>(memory.chain_buckets.size())) {
  for (std::uint32_t i = chain_bucket_count_; i-- > 0;) recycle(i);
}

std::uint32_t ConnIndex::alternate_of(std::uint64_t hash) const {
  // The upper half of a product depends on all bits, so that keys that share a primary bucket part.
  const auto random = static_cast<std::uint32_t>((hash * 0x9e37'79b9'7f4a'7c15U) >> 32);
  const std::uint32_t bucket = scale(random);
  if (bucket != primary_of(hash)) return bucket;
  return bucket + 1 < bucket_count_ ? bucket + 1 : 0;
}

// ---- readers

Hit ConnIndex::match(const Bucket& bucket, const FlowTuple& tuple, std::uint8_t proto,
                     std::uint32_t tag) const {
  for (unsigned mask = match_tag(bucket, tag); mask != 0; mask &= mask - 1) {
    // Acquire: pairs with the release in put().
    const std::uint64_t slot = bucket.slots[__builtin_ctz(mask)].load(std::memory_order_acquire);
    if (slot_tag(slot) != tag) continue;
    Record& record = records_[slot_index(slot)];
    if (has_key(record, slot_dir(slot), tuple, proto)) return {&record, slot_dir(slot)};
  }
  return {};
}

Hit ConnIndex::find(const FlowTuple& tuple, std::uint8_t proto, std::uint64_t hash) const {
  const Bucket& home = primary(hash);
  const std::uint32_t tag = tag_of(hash);
  if (const Hit hit = match(home, tuple, proto, tag)) return hit;
  // Acquire: pairs with unlock() and with the stores below, so that the chain bucket is filled.
  const std::uint64_t header = home.header.load(std::memory_order_acquire);
  if (overflow_of(header) == 0) return {};
  if (const Hit hit = match(buckets_[alternate_of(hash)], tuple, proto, tag)) return hit;
  // A chain bucket that is unlinked meanwhile keeps its own link until a grace period passed.
  for (std::uint32_t c = chain_of(header); c != 0;) {
    const Bucket& bucket = chain_buckets_[c - 1];
    if (const Hit hit = match(bucket, tuple, proto, tag)) return hit;
    c = chain_of(bucket.header.load(std::memory_order_acquire));
  }
  return {};
}

// ---- locks

void ConnIndex::lock(Bucket& bucket) {
  for (unsigned spins = 0;; ++spins) {
    std::uint64_t header = bucket.header.load(std::memory_order_relaxed);
    // Acquire: pairs with the release in unlock().
    if ((header & kLockBit) == 0 &&
        bucket.header.compare_exchange_weak(header, header | kLockBit, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
      return;
    }
    if (spins < kSpins) {
      _mm_pause();
    } else {
      std::this_thread::yield();
    }
  }
}

void ConnIndex::unlock(Bucket& bucket) {
  const std::uint64_t header = bucket.header.load(std::memory_order_relaxed);
  bucket.header.store(header & ~kLockBit, std::memory_order_release);
}

ConnIndex::Lock::Lock(ConnIndex& index, std::uint64_t hash)
    : first_(&index.buckets_[index.primary_of(hash)]) {
  lock(*first_);
}

ConnIndex::Lock::Lock(ConnIndex& index, std::uint64_t a, std::uint64_t b)
    : first_(&index.buckets_[index.primary_of(a)]), second_(&index.buckets_[index.primary_of(b)]) {
  if (second_ < first_) std::swap(first_, second_);
  if (second_ == first_) second_ = nullptr;
  lock(*first_);
  if (second_ != nullptr) lock(*second_);
}

ConnIndex::Lock::~Lock() {
  if (second_ != nullptr) unlock(*second_);
  unlock(*first_);
}

// ---- writers

bool ConnIndex::put(Bucket& bucket, std::uint64_t slot) {
  for (std::atomic<std::uint64_t>& place : bucket.slots) {
    std::uint64_t empty = place.load(std::memory_order_relaxed);
    // Release: pairs with the acquire of readers, who go on to the record.
    if (empty == 0 && place.compare_exchange_strong(empty, slot, std::memory_order_release,
                                                    std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

bool ConnIndex::clear(Bucket& bucket, std::uint64_t slot) {
  for (std::atomic<std::uint64_t>& place : bucket.slots) {
    if (place.load(std::memory_order_relaxed) == slot) {
      place.store(0, std::memory_order_release);
      return true;
    }
  }
  return false;
}

bool ConnIndex::insert(std::uint64_t hash, std::uint64_t slot) {
  Bucket& home = buckets_[primary_of(hash)];
  if (put(home, slot)) return true;
  // A reader that can know of the key must not stop at the primary bucket: the count goes up before
  // the slot shows.
  const std::uint64_t header = home.header.load(std::memory_order_relaxed);
  home.header.store(header + kOneOverflow, std::memory_order_release);
  if (put(buckets_[alternate_of(hash)], slot) || insert_in_chain(home, slot)) return true;
  home.header.store(header, std::memory_order_release);
  return false;
}

bool ConnIndex::insert_in_chain(Bucket& home, std::uint64_t slot) {
  const std::uint64_t header = home.header.load(std::memory_order_relaxed);
  for (std::uint32_t c = chain_of(header); c != 0;) {
    Bucket& bucket = chain_buckets_[c - 1];
    if (put(bucket, slot)) return true;
    c = chain_of(bucket.header.load(std::memory_order_relaxed));
  }
  const std::uint32_t fresh =
      free_chain_buckets_.pop([this](std::uint32_t i) -> auto& { return links_[i]; });
  if (fresh == IndexStack::kEmpty) return false;
  Bucket& bucket = chain_buckets_[fresh];
  bucket.header.store(with_chain(0, chain_of(header)), std::memory_order_relaxed);
  bucket.slots[0].store(slot, std::memory_order_release);
  // Release: whoever follows the link finds the bucket filled.
  home.header.store(with_chain(header, fresh + 1), std::memory_order_release);
  return true;
}

std::uint32_t ConnIndex::erase(std::uint64_t hash, std::uint64_t slot) {
  Bucket& home = buckets_[primary_of(hash)];
  if (clear(home, slot)) return kNoBucket;
  std::uint32_t emptied = kNoBucket;
  if (!clear(buckets_[alternate_of(hash)], slot)) emptied = erase_from_chain(home, slot);
  // Only now that the slot is gone.
  const std::uint64_t header = home.header.load(std::memory_order_relaxed);
  home.header.store(header - kOneOverflow, std::memory_order_release);
  return emptied;
}

std::uint32_t ConnIndex::erase_from_chain(Bucket& home, std::uint64_t slot) {
  Bucket* before = &home;
  for (;;) {
    const std::uint64_t header = before->header.load(std::memory_order_relaxed);
    const std::uint32_t index = chain_of(header) - 1;
    Bucket& bucket = chain_buckets_[index];
    if (!clear(bucket, slot)) {
      before = &bucket;
      continue;
    }
    for (const std::atomic<std::uint64_t>& other : bucket.slots) {
      if (other.load(std::memory_order_relaxed) != 0) return kNoBucket;
    }
    const std::uint32_t rest = chain_of(bucket.header.load(std::memory_order_relaxed));
    before->header.store(with_chain(header, rest), std::memory_order_release);
    return index;
  }
}

void ConnIndex::recycle(std::uint32_t chain_bucket) {
  free_chain_buckets_.push(
      chain_bucket, chain_bucket, [this](std::uint32_t i) -> auto& { return links_[i]; });
}

ConnIndex::Usage ConnIndex::usage() const {
  Usage usage{bucket_count_, chain_bucket_count_, 0, 0, 0, 0};
  const auto count = [](const Bucket& bucket) {
    std::uint64_t used = 0;
    for (const auto& slot : bucket.slots) used += slot.load(std::memory_order_relaxed) != 0;
    return used;
  };
  for (std::uint64_t i = 0; i < bucket_count_; ++i) {
    usage.keys += count(buckets_[i]);
    usage.overflowed += overflow_of(buckets_[i].header.load(std::memory_order_relaxed));
  }
  for (std::uint32_t i = 0; i < chain_bucket_count_; ++i) {
    const std::uint64_t used = count(chain_buckets_[i]);
    usage.chained += used;
    usage.chain_buckets_used += used != 0;
  }
  usage.keys += usage.chained;
  return usage;
}

}  // namespace lb
