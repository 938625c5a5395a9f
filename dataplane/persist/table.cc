#include "dataplane/persist/table.h"

#include <emmintrin.h>

#include <algorithm>
#include <bit>
#include <new>
#include <thread>

#include "dataplane/conn/deadlines.h"
#include "dataplane/conn/hash.h"

namespace lb {

namespace {
constexpr std::uint32_t kMostShards = 256;
constexpr std::uint32_t kLeastPerShard = 1024;
constexpr unsigned kSpins = 200;  // some microseconds
}  // namespace

// Held for some ten nanoseconds, by slices for one or two microseconds, unless the holder was
// preempted.
class PersistTable::Lock {
 public:
  explicit Lock(Shard& shard) : locked_(shard.locked) {
    // Acquire: pairs with the release of the last holder.
    for (unsigned spins = 0; locked_.exchange(true, std::memory_order_acquire); ++spins) {
      while (locked_.load(std::memory_order_relaxed)) {
        if (++spins < kSpins) {
          _mm_pause();
        } else {
          std::this_thread::yield();
        }
      }
    }
  }
  ~Lock() { locked_.store(false, std::memory_order_release); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  std::atomic<bool>& locked_;
};

// Entries do not fall evenly into shards: with many of them each has an eighth more than its part,
// four standard deviations and more.
PersistTable::PersistTable(const Options& options) : options_(options) {
  const std::uint32_t most = std::max(options.max_entries, 1U);
  shard_count_ = std::bit_floor(std::clamp(most / kLeastPerShard, 1U, kMostShards));
  per_shard_ = (most + shard_count_ - 1) / shard_count_;
  if (shard_count_ > 1) per_shard_ += per_shard_ / 8;
  heads_ = std::bit_ceil(per_shard_);
}

PersistTable::~PersistTable() = default;

bool PersistTable::prepare() {
  if (ready()) return true;
  std::unique_ptr<Shard[]> shards(new (std::nothrow) Shard[shard_count_]);
  std::unique_ptr<std::uint32_t[]> index(new (std::nothrow) std::uint32_t[shard_count_ * heads_]);
  std::unique_ptr<Entry[]> entries(new (std::nothrow) Entry[total()]);
  if (shards == nullptr || index == nullptr || entries == nullptr) return false;
  std::fill_n(index.get(), shard_count_ * heads_, kNone);
  for (std::uint32_t i = total(); i-- > 0;) {
    Shard& shard = shards[i / per_shard_];
    entries[i].chain = shard.free;
    shard.free = i;
  }
  shards_ = std::move(shards);
  index_ = std::move(index);
  entries_ = std::move(entries);
  return true;
}

std::uint64_t PersistTable::hash(const PersistKey& key) const {
  const std::uint64_t word = key.client.raw | std::uint64_t{key.scope} << 32;
  const std::uint64_t first =
      detail::fold_multiply(word ^ options_.hash_key[0], options_.hash_key[1]);
  return detail::fold_multiply(first ^ options_.hash_key[1], word + options_.hash_key[0]);
}

std::uint32_t* PersistTable::head_of(std::uint64_t hash) {
  const std::uint64_t shard = hash >> 32 & (shard_count_ - 1);
  return &index_[shard * heads_ + (hash & (heads_ - 1))];
}

PersistTable::Entry* PersistTable::look_up(std::uint64_t hash, const PersistKey& key) {
  for (std::uint32_t i = *head_of(hash); i != kNone; i = entries_[i].chain) {
    if (entries_[i].key == key) return &entries_[i];
  }
  return nullptr;
}

// ---- an entry's life, under its shard's lock

void PersistTable::link(Shard& shard, std::uint32_t index) {
  Entry& entry = entries_[index];
  List& list = shard.lists[entry.confirmed];
  entry.older = list.newest;
  entry.newer = kNone;
  (list.newest == kNone ? list.oldest : entries_[list.newest].newer) = index;
  list.newest = index;
}

void PersistTable::unlink(Shard& shard, std::uint32_t index) {
  const Entry& entry = entries_[index];
  List& list = shard.lists[entry.confirmed];
  (entry.older == kNone ? list.oldest : entries_[entry.older].newer) = entry.newer;
  (entry.newer == kNone ? list.newest : entries_[entry.newer].older) = entry.older;
}

PersistTable::Entry& PersistTable::insert(Shard& shard, std::uint64_t hash, const PersistUse& use) {
  if (shard.free == kNone) {
    const std::uint32_t fleeting = shard.lists[0].oldest;
    erase(shard, fleeting != kNone ? fleeting : shard.lists[1].oldest);
    shard.evicted.fetch_add(1, std::memory_order_relaxed);
  }
  const std::uint32_t index = shard.free;
  Entry& entry = entries_[index];
  shard.free = entry.chain;
  const bool queued = entry.queued;
  const std::uint32_t next_changed = entry.next_changed;
  entry = Entry{};
  entry.queued = queued;
  entry.next_changed = next_changed;
  entry.used = true;
  entry.key = use.key;
  entry.server = use.server;
  std::uint32_t* const head = head_of(hash);
  entry.chain = *head;
  *head = index;
  link(shard, index);
  shard.used.store(shard.used.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return entry;
}

void PersistTable::erase(Shard& shard, std::uint32_t index) {
  Entry& entry = entries_[index];
  unlink(shard, index);
  std::uint32_t* at = head_of(hash(entry.key));
  while (*at != index) at = &entries_[*at].chain;
  *at = entry.chain;
  entry.used = false;
  entry.chain = shard.free;
  shard.free = index;
  shard.used.store(shard.used.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
}

// Sent to the peer again when its copy would expire much earlier.
void PersistTable::restart(Shard& shard, Entry& entry, const PersistUse& use, std::uint32_t now) {
  unlink(shard, index_of(entry));
  link(shard, index_of(entry));
  entry.service = use.service;
  entry.expires = now + use.ticks;
  entry.imported = false;
  if (entry.expires - entry.peer_expires > use.ticks / 8) changed(shard, entry);
}

void PersistTable::changed(Shard& shard, Entry& entry) {
  if (entry.queued || !exporting_.load(std::memory_order_relaxed)) return;
  const std::uint32_t index = index_of(entry);
  entry.queued = true;
  entry.next_changed = kNone;
  (shard.changed_first == kNone ? shard.changed_first : entries_[shard.changed_last].next_changed) =
      index;
  shard.changed_last = index;
  shard.changed.store(true, std::memory_order_relaxed);
}

// ---- workers

bool PersistTable::find(const PersistKey& key, std::uint32_t now, PersistServer& server) {
  const std::uint64_t h = hash(key);
  const Lock lock(shard_of(h));
  const Entry* const entry = look_up(h, key);
  if (entry == nullptr || !is_later(entry->expires, now)) return false;
  server = entry->server;
  return true;
}

PersistServer PersistTable::claim(const PersistUse& use, const PersistServer* instead,
                                  std::uint32_t now) {
  const std::uint64_t h = hash(use.key);
  Shard& shard = shard_of(h);
  const Lock lock(shard);
  Entry* entry = look_up(h, use.key);
  if (entry != nullptr && is_later(entry->expires, now) &&
      (instead == nullptr || entry->server != *instead)) {
    return entry->server;
  }
  if (entry == nullptr) {
    entry = &insert(shard, h, use);
  } else if (entry->confirmed) {  // not to the new server yet
    unlink(shard, index_of(*entry));
    entry->confirmed = false;
    link(shard, index_of(*entry));
  }
  entry->server = use.server;
  entry->ended = false;
  entry->peer_expires = now - use.ticks;  // something else, or nothing
  restart(shard, *entry, use, now);
  return use.server;
}

void PersistTable::renew(const PersistUse& use, std::uint32_t now) {
  const std::uint64_t h = hash(use.key);
  Shard& shard = shard_of(h);
  const Lock lock(shard);
  Entry* const entry = look_up(h, use.key);
  // Gone: another one needed its room just now.
  if (entry == nullptr || entry->ended || entry->server != use.server) return;
  restart(shard, *entry, use, now);
}

void PersistTable::confirm(const PersistUse& use, std::uint32_t now) {
  const std::uint64_t h = hash(use.key);
  Shard& shard = shard_of(h);
  const Lock lock(shard);
  Entry* const entry = look_up(h, use.key);
  if (entry == nullptr || entry->ended || entry->server != use.server) return;
  unlink(shard, index_of(*entry));
  entry->confirmed = true;
  link(shard, index_of(*entry));
  const bool imported = entry->imported;
  restart(shard, *entry, use, now);
  entry->imported = imported;  // a standby's connections are the peer's, too
}

// ---- the HA peer

PersistTable::Imported PersistTable::import(const PersistUse& use, std::uint32_t left,
                                            std::uint8_t epoch, bool authoritative,
                                            std::uint32_t now) {
  const std::uint64_t h = hash(use.key);
  Shard& shard = shard_of(h);
  const Lock lock(shard);
  Entry* entry = look_up(h, use.key);
  if (entry != nullptr && is_later(entry->expires, now) && !authoritative) {
    if (entry->epoch != 0) entry->epoch = epoch;  // it is there, too
    return Imported::kKept;
  }
  if (entry == nullptr) {
    entry = &insert(shard, h, use);
  } else {
    unlink(shard, index_of(*entry));
    link(shard, index_of(*entry));
  }
  entry->server = use.server;
  entry->service = use.service;
  entry->expires = entry->peer_expires = now + std::min(left, use.ticks);
  entry->imported = true;
  entry->ended = false;
  entry->epoch = epoch;
  return Imported::kTaken;
}

bool PersistTable::remove(const PersistKey& key) {
  const std::uint64_t h = hash(key);
  Shard& shard = shard_of(h);
  const Lock lock(shard);
  const Entry* const entry = look_up(h, key);
  if (entry == nullptr) return false;
  erase(shard, index_of(*entry));
  return true;
}

// ---- slices, each within one shard

PersistRow PersistTable::row_of(const Entry& entry) {
  return {entry.key,       entry.server,   entry.service, entry.expires,
          entry.confirmed, entry.imported, entry.ended,   entry.epoch};
}

std::uint32_t PersistTable::slice_end(std::uint32_t cursor) const {
  const std::uint32_t shard_end = (cursor / per_shard_ + 1) * per_shard_;
  return std::min(cursor + kSlice, shard_end);
}

std::uint32_t PersistTable::sweep_slice(std::uint32_t cursor, std::uint32_t now, Gone gone,
                                        void* context) {
  const std::uint32_t end = slice_end(cursor);
  Shard& shard = shard_at(cursor);
  if (shard.used.load(std::memory_order_relaxed) == 0) return after(end);
  const Lock lock(shard);
  for (std::uint32_t i = cursor; i < end; ++i) {
    const Entry& entry = entries_[i];
    if (!entry.used || (entry.ended && entry.queued)) continue;
    if (!is_later(entry.expires, now) || gone(context, row_of(entry))) erase(shard, i);
  }
  return after(end);
}

std::uint32_t PersistTable::flush_slice(std::uint32_t cursor, std::uint32_t now,
                                        std::uint64_t& count, Gone wanted, void* context) {
  const std::uint32_t end = slice_end(cursor);
  Shard& shard = shard_at(cursor);
  const Lock lock(shard);
  for (std::uint32_t i = cursor; i < end; ++i) {
    Entry& entry = entries_[i];
    if (!entry.used || !is_later(entry.expires, now) || !wanted(context, row_of(entry))) continue;
    ++count;
    entry.ended = true;
    entry.expires = now;
    changed(shard, entry);
    if (!entry.queued) erase(shard, i);
  }
  return after(end);
}

std::size_t PersistTable::read(std::uint32_t& cursor, std::uint32_t now,
                               std::span<PersistRow, kSlice> rows) {
  const std::uint32_t end = slice_end(cursor);
  Shard& shard = shard_at(cursor);
  std::size_t count = 0;
  if (shard.used.load(std::memory_order_relaxed) != 0) {
    const Lock lock(shard);
    for (std::uint32_t i = cursor; i < end; ++i) {
      if (entries_[i].used && is_later(entries_[i].expires, now)) {
        rows[count++] = row_of(entries_[i]);
      }
    }
  }
  cursor = after(end);
  return count;
}

// ---- export

void PersistTable::begin_export() {
  end_export();
  exporting_.store(true, std::memory_order_relaxed);
}

void PersistTable::end_export() {
  exporting_.store(false, std::memory_order_relaxed);
  PersistRow nobody_asks[kSlice];
  while (take_changed(nobody_asks) != 0) {
  }
}

std::size_t PersistTable::take_changed(std::span<PersistRow> rows) {
  std::size_t count = 0;
  if (!ready()) return 0;
  for (std::uint32_t seen = 0; seen < shard_count_ && count < rows.size(); ++seen) {
    Shard& shard = shards_[export_shard_];
    export_shard_ = (export_shard_ + 1) & (shard_count_ - 1);
    if (!shard.changed.load(std::memory_order_relaxed)) continue;
    const Lock lock(shard);
    while (shard.changed_first != kNone && count < rows.size()) {
      Entry& entry = entries_[shard.changed_first];
      shard.changed_first = entry.next_changed;
      entry.queued = false;
      if (!entry.used) continue;
      entry.peer_expires = entry.expires;
      rows[count++] = row_of(entry);
      if (entry.ended) erase(shard, index_of(entry));
    }
    if (shard.changed_first == kNone) shard.changed.store(false, std::memory_order_relaxed);
  }
  return count;
}

std::uint64_t PersistTable::entries() const {
  std::uint64_t sum = 0;
  for (std::uint32_t s = 0; ready() && s < shard_count_; ++s) {
    sum += shards_[s].used.load(std::memory_order_relaxed);
  }
  return sum;
}

std::uint64_t PersistTable::evicted() const {
  std::uint64_t sum = 0;
  for (std::uint32_t s = 0; ready() && s < shard_count_; ++s) {
    sum += shards_[s].evicted.load(std::memory_order_relaxed);
  }
  return sum;
}

}  // namespace lb
