// Places for datagrams are in buckets of eight, one lock each. A decided datagram costs its bucket
// and nothing else; only fragments that come before their first share a second lock, that of the
// pool of held cookies. Lock order: bucket, then pool.
#include "dataplane/packet/fragment_table.h"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <mutex>
#include <random>

#include "config/base/cache_line.h"

namespace lb {

namespace {

constexpr std::size_t kWays = 8;
// Places per datagram that may be in flight: at this load few buckets are full before the table is.
constexpr std::size_t kSpread = 2;
constexpr std::uint32_t kNone = ~std::uint32_t{0};

class SpinLock {
 public:
  void lock() {
    // Acquire: pairs with the release in unlock(); the holder sees what the last one wrote.
    while (locked_.exchange(true, std::memory_order_acquire)) {
      while (locked_.load(std::memory_order_relaxed)) _mm_pause();
    }
  }
  void unlock() { locked_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> locked_{false};
};

// A singly linked list of held cookies, oldest first: indexes into the pool.
struct HeldList {
  std::uint32_t head = kNone;
  std::uint32_t tail = kNone;
  std::uint32_t count = 0;
};

}  // namespace

class FragmentTable::HeldPool {
 public:
  explicit HeldPool(std::size_t capacity) : nodes_(std::make_unique<Node[]>(capacity)) {
    for (std::size_t i = capacity; i-- > 0;) {
      nodes_[i].next = free_;
      free_ = static_cast<std::uint32_t>(i);
    }
  }

  // False when the pool is empty. The list is the caller's: under its bucket's lock.
  bool append(HeldList& list, void* cookie) {
    const std::uint32_t index = take();
    if (index == kNone) return false;
    nodes_[index] = {cookie, kNone};
    (list.head == kNone ? list.head : nodes_[list.tail].next) = index;
    list.tail = index;
    ++list.count;
    return true;
  }

  // The list is no bucket's any more.
  void release(const HeldList& list, std::vector<void*>& cookies) {
    if (list.head == kNone) return;
    for (std::uint32_t i = list.head; i != kNone; i = nodes_[i].next) {
      cookies.push_back(nodes_[i].cookie);
    }
    const std::lock_guard guard(lock_);
    nodes_[list.tail].next = free_;
    free_ = list.head;
  }

 private:
  struct Node {
    void* cookie = nullptr;
    std::uint32_t next = kNone;
  };

  std::uint32_t take() {
    const std::lock_guard guard(lock_);
    const std::uint32_t index = free_;
    if (index != kNone) free_ = nodes_[index].next;
    return index;
  }

  SpinLock lock_;
  std::uint32_t free_ = kNone;
  std::unique_ptr<Node[]> nodes_;
};

struct FragmentTable::Entry {
  enum class State : std::uint8_t { kFree, kWaiting, kDecided };

  FragmentKey key;
  State state = State::kFree;
  // kWaiting: when the first of the held ones came, so that the wait is bounded. kDecided:
  // when a fragment came last.
  std::uint32_t since = 0;
  FragmentDecision decision;
  HeldList held;  // of kWaiting
};

struct alignas(kCacheLine) FragmentTable::Bucket {
  SpinLock lock;
  // Written under the lock; read without it by expire(), to pass over empty buckets.
  std::atomic<std::uint8_t> used{0};
  std::array<Entry, kWays> entries;

  Entry* find(const FragmentKey& key) {
    for (Entry& entry : entries) {
      if (entry.state != Entry::State::kFree && entry.key == key) return &entry;
    }
    return nullptr;
  }
};

FragmentTable::FragmentTable(const Options& options)
    : options_(options), pool_(std::make_unique<HeldPool>(options.held_total)) {
  const std::size_t buckets =
      std::bit_ceil(std::max<std::size_t>(1, options.datagrams * kSpread / kWays));
  bucket_mask_ = buckets - 1;
  buckets_ = std::make_unique<Bucket[]>(buckets);
  // Random, so that nobody outside can choose keys that share a bucket.
  std::random_device random;
  for (std::uint64_t& seed : seeds_) seed = (std::uint64_t{random()} << 32 | random()) | 1;
}

FragmentTable::~FragmentTable() = default;

FragmentTable::Bucket& FragmentTable::bucket_of(const FragmentKey& key) {
  const std::uint64_t addresses = std::uint64_t{key.src.raw} << 32 | key.dst.raw;
  const std::uint64_t rest = std::uint64_t{key.id.raw} << 8 | key.proto;
  // Two rounds of a multiplication whose upper half is what the index is taken from.
  std::uint64_t hash = (addresses ^ seeds_[0]) * 0x9e37'79b9'7f4a'7c15;
  hash = ((hash ^ (hash >> 32)) + (rest ^ seeds_[1])) * 0xd6e8'feb8'6659'fd93;
  return buckets_[(hash >> 32) & bucket_mask_];
}

bool FragmentTable::is_over(const Entry& entry, std::uint32_t now) const {
  const auto age = static_cast<std::int32_t>(now - entry.since);
  return age > 0 && static_cast<std::uint32_t>(age) > options_.lifetime_ticks;
}

void FragmentTable::forget(Bucket& bucket, Entry& entry) {
  entry = Entry{};
  const std::uint8_t used = bucket.used.load(std::memory_order_relaxed);
  bucket.used.store(static_cast<std::uint8_t>(used - 1), std::memory_order_relaxed);
  used_.fetch_sub(1, std::memory_order_relaxed);
}

// A place in the bucket, whose lock is held; nullptr when the bucket or the table is full. A
// decision that is over makes room at once; held fragments stay until expire() hands them back.
FragmentTable::Entry* FragmentTable::claim(Bucket& bucket, std::uint32_t now) {
  for (Entry& entry : bucket.entries) {
    if (entry.state == Entry::State::kDecided && is_over(entry, now)) forget(bucket, entry);
  }
  for (Entry& entry : bucket.entries) {
    if (entry.state != Entry::State::kFree) continue;
    if (used_.fetch_add(1, std::memory_order_relaxed) >= options_.datagrams) {
      used_.fetch_sub(1, std::memory_order_relaxed);
      return nullptr;
    }
    const std::uint8_t used = bucket.used.load(std::memory_order_relaxed);
    bucket.used.store(static_cast<std::uint8_t>(used + 1), std::memory_order_relaxed);
    return &entry;
  }
  return nullptr;
}

bool FragmentTable::first(const FragmentKey& key, const FragmentDecision& decision,
                          std::uint32_t now, std::vector<void*>& released) {
  Bucket& bucket = bucket_of(key);
  HeldList held;
  {
    const std::lock_guard guard(bucket.lock);
    Entry* entry = bucket.find(key);
    if (entry == nullptr) entry = claim(bucket, now);
    if (entry == nullptr) return false;
    held = entry->held;
    *entry = {key, Entry::State::kDecided, now, decision, {}};
  }
  pool_->release(held, released);
  return true;
}

FragmentTable::Found FragmentTable::later(const FragmentKey& key, std::uint32_t now, void* cookie,
                                          FragmentDecision& decision) {
  Bucket& bucket = bucket_of(key);
  const std::lock_guard guard(bucket.lock);
  Entry* entry = bucket.find(key);
  if (entry != nullptr && entry->state == Entry::State::kDecided) {
    if (!is_over(*entry, now)) {
      entry->since = now;
      decision = entry->decision;
      return Found::kDecided;
    }
    // Another datagram with the same id.
    forget(bucket, *entry);
    entry = nullptr;
  }

  if (entry != nullptr) {
    if (entry->held.count >= options_.held_per_datagram) return Found::kFull;
    return pool_->append(entry->held, cookie) ? Found::kHeld : Found::kFull;
  }
  HeldList held;
  entry = claim(bucket, now);
  if (entry == nullptr) return Found::kFull;
  if (options_.held_per_datagram == 0 || !pool_->append(held, cookie)) {
    forget(bucket, *entry);
    return Found::kFull;
  }
  *entry = {key, Entry::State::kWaiting, now, {}, held};
  return Found::kHeld;
}

void FragmentTable::sweep(Bucket& bucket, std::uint32_t now, bool all, std::vector<void*>& held) {
  // Relaxed: a datagram that comes at this moment is not over anyway.
  if (bucket.used.load(std::memory_order_relaxed) == 0) return;
  std::array<HeldList, kWays> lists;
  std::size_t n = 0;
  {
    const std::lock_guard guard(bucket.lock);
    for (Entry& entry : bucket.entries) {
      if (entry.state == Entry::State::kFree || !(all || is_over(entry, now))) continue;
      lists[n++] = entry.held;
      forget(bucket, entry);
    }
  }
  for (std::size_t i = 0; i < n; ++i) pool_->release(lists[i], held);
}

void FragmentTable::expire(std::uint32_t now, std::size_t budget, std::vector<void*>& expired) {
  const std::size_t buckets = std::min(bucket_mask_ + 1, (budget + kWays - 1) / kWays);
  const std::size_t from = cursor_.fetch_add(buckets, std::memory_order_relaxed);
  for (std::size_t i = 0; i < buckets; ++i) {
    sweep(buckets_[(from + i) & bucket_mask_], now, false, expired);
  }
}

void FragmentTable::drain(std::vector<void*>& held) {
  for (std::size_t i = 0; i <= bucket_mask_; ++i) sweep(buckets_[i], 0, true, held);
}

}  // namespace lb
