#include "dataplane/conn/table.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

namespace lb {

namespace {

// read() copies a record while its memory may already be another connection's. Each field that it
// copies is therefore stored as an atomic with release and loaded with acquire (both are plain
// moves on x86): a copy that got one new value then also sees that the generation has changed.
template <typename T>
void store_shared(T& field, T value) {
  std::atomic_ref<T>(field).store(value, std::memory_order_release);
}
template <typename T>
T load_shared(const T& field) {
  return std::atomic_ref<T>(const_cast<T&>(field)).load(std::memory_order_acquire);
}

void store_shared(FlowTuple& field, const FlowTuple& value) {
  store_shared(field.src.raw, value.src.raw);
  store_shared(field.dst.raw, value.dst.raw);
  store_shared(field.sport.raw, value.sport.raw);
  store_shared(field.dport.raw, value.dport.raw);
}
FlowTuple load_shared(const FlowTuple& field) {
  return {Be32{load_shared(field.src.raw)}, Be32{load_shared(field.dst.raw)},
          Be16{load_shared(field.sport.raw)}, Be16{load_shared(field.dport.raw)}};
}

constexpr bool is_published(std::uint32_t generation) {
  return generation % 2 == 1;
}

template <typename T, typename... Args>
std::span<T> construct(std::byte* at, std::size_t count, const Args&... args) {
  T* first = reinterpret_cast<T*>(at);
  for (std::size_t i = 0; i < count; ++i) std::construct_at(first + i, args...);
  return {first, count};
}

}  // namespace

// ---- memory

// Offsets of the parts in the caller's memory, each on its own cache lines.
struct ConnTable::Layout {
  explicit Layout(const Options& options);

  template <typename T>
  std::size_t place(std::size_t count) {
    const std::size_t at = bytes;
    bytes += (count * sizeof(T) + kCacheLine - 1) / kCacheLine * kCacheLine;
    return at;
  }

  std::size_t bytes = 0;
  std::uint32_t record_count, bucket_count, chain_count, hop_count;
  std::size_t records, buckets, chain_buckets, chain_links, deadlines, next_chunk, pool_workers,
      workers, hop_words, hop_marks;
};

ConnTable::Layout::Layout(const Options& options) {
  const std::uint64_t most = options.max_connections;
  record_count = RecordPool::records_for(options.max_connections, options.workers);
  // Two keys per connection at a load of 0.55.
  const auto enough = static_cast<std::uint32_t>(most * 2 * 100 / (kSlots * 55) + 1);
  bucket_count = options.buckets != 0 ? options.buckets : enough;
  // Of random keys at this load about one in 500 comes into a chain, some of which have several.
  chain_count = options.chain_buckets != 0 ? options.chain_buckets : bucket_count / 32 + 64;
  hop_count = HopTable::entries_for(options.max_connections);

  records = place<Record>(record_count);
  buckets = place<Bucket>(bucket_count);
  chain_buckets = place<Bucket>(chain_count);
  chain_links = place<std::atomic<std::uint32_t>>(chain_count);
  deadlines = place<std::atomic<std::uint32_t>>(record_count);
  next_chunk = place<std::uint32_t>(record_count / RecordPool::kChunk);
  pool_workers = place<RecordPool::Worker>(options.workers);
  workers = place<Worker>(options.workers);
  hop_words = place<std::atomic<std::uint64_t>>(hop_count);
  hop_marks = place<std::atomic<std::uint32_t>>(hop_count);
}

std::size_t ConnTable::memory_bytes(const Options& options) {
  return Layout(options).bytes;
}

ConnTable::ConnTable(const Options& options, std::span<std::byte> memory, GracePeriod& grace)
    : ConnTable(options, Layout(options), memory.data(), grace) {}

ConnTable::ConnTable(const Options& options, const Layout& layout, std::byte* memory,
                     GracePeriod& grace)
    : records_(construct<Record>(memory + layout.records, layout.record_count).data()),
      record_count_(layout.record_count),
      max_connections_(options.max_connections),
      deadlines_(construct<std::atomic<std::uint32_t>>(memory + layout.deadlines,
                                                       layout.record_count, Deadlines::kOff)),
      workers_(reinterpret_cast<Worker*>(memory + layout.workers)),
      grace_(grace),
      index_({construct<Bucket>(memory + layout.buckets, layout.bucket_count),
              construct<Bucket>(memory + layout.chain_buckets, layout.chain_count),
              construct<std::atomic<std::uint32_t>>(memory + layout.chain_links, layout.chain_count,
                                                    0U),
              records_}),
      pool_({{records_, record_count_},
             construct<std::uint32_t>(memory + layout.next_chunk,
                                      layout.record_count / RecordPool::kChunk, RecordPool::kNone),
             construct<RecordPool::Worker>(memory + layout.pool_workers, options.workers)},
            options.max_connections),
      hops_(
          {construct<std::atomic<std::uint64_t>>(memory + layout.hop_words, layout.hop_count, 0U),
           construct<std::atomic<std::uint32_t>>(memory + layout.hop_marks, layout.hop_count, 0U)},
          options.hash_key[0] ^ options.hash_key[3], grace) {
  std::copy(std::begin(options.hash_key), std::end(options.hash_key), key_.word);
  construct<Worker>(memory + layout.workers, options.workers);
}

// ---- new connections

void ConnTable::fill(Record& record, const NewConn& conn, std::uint32_t now) {
  store_shared(record.tuple[0], conn.tuple[0]);
  store_shared(record.tuple[1], conn.tuple[1]);
  record.deltas = conn.deltas;
  store_shared(record.rs, conn.rs);
  record.client_hop.store(conn.client_hop, std::memory_order_release);
  record.state.store(ConnState::kNone, std::memory_order_release);
  record.last_seen.store(now, std::memory_order_release);
  store_shared(record.service, conn.service);
  store_shared(record.proto, conn.proto);
  const bool has_proxy = conn.proxied != nullptr;
  store_shared(record.mode, static_cast<std::uint8_t>(conn.mode | (has_proxy ? kProxied : 0)));
  store_shared(record.keys, conn.keys);
  record.import_epoch.store(conn.import_epoch, std::memory_order_release);
  record.sync_id.store(conn.sync_id, std::memory_order_release);
  for (unsigned dir = 0; dir < 2; ++dir) {
    record.seq[dir].store(static_cast<std::uint16_t>(conn.seq[dir] ^ seq_mask(record.mode)),
                          std::memory_order_relaxed);
  }
  if (!has_proxy) return;
  ProxiedConn& its = proxied(record);
  its.client = *conn.proxied;
  its.set(conn.translation);
}

// Puts the keys into the index, the reverse one first: whoever finds the forward key may send a
// packet to the server, whose answer needs the other.
bool ConnTable::link(unsigned worker, Record& record, std::uint64_t forward,
                     std::uint64_t reverse) {
  const std::uint32_t index = index_of(record);
  if (record.keys == 2 && !index_.insert(reverse, make_slot(reverse, 1, index))) return false;
  if (index_.insert(forward, make_slot(forward, 0, index))) return true;
  if (record.keys == 2) erase(worker, reverse, make_slot(reverse, 1, index));
  return false;
}

void ConnTable::erase(unsigned worker, std::uint64_t hash, std::uint64_t slot) {
  const std::uint32_t emptied = index_.erase(hash, slot);
  if (emptied == ConnIndex::kNoBucket) return;
  Worker& w = workers_[worker];
  index_.link(emptied).store(w.unlinked, std::memory_order_relaxed);
  w.unlinked = emptied + 1;
}

ConnTable::Created ConnTable::create(unsigned worker, const NewConn& conn, std::uint64_t hash,
                                     ConnState state, std::uint32_t now, std::uint32_t deadline) {
  prefetch(hash);
  const bool both = conn.keys == 2;
  const std::uint64_t reverse = both ? this->hash(conn.tuple[1], conn.proto) : hash;
  prefetch(reverse);
  Record* record = pool_.allocate(worker);
  if (record == nullptr) {
    const Hit hit = find(conn.tuple[0], conn.proto, hash);
    return {hit, false, !hit};
  }
  fill(*record, conn, now);
  const std::uint32_t index = index_of(*record);
  deadlines_.set(index, deadline);

  Created created;
  {
    const ConnIndex::Lock lock(index_, hash, reverse);
    created.hit = index_.find(conn.tuple[0], conn.proto, hash);
    const bool clash =
        both && (conn.tuple[0] == conn.tuple[1] || index_.find(conn.tuple[1], conn.proto, reverse));
    if (!created.hit && !clash) {
      created.is_new = link(worker, *record, hash, reverse);
      created.full = !created.is_new;
    }
    if (created.is_new) {
      pool_.count_created(worker);
      const std::uint32_t generation = record->generation.load(std::memory_order_relaxed);
      record->generation.store(generation + 1, std::memory_order_release);
      // Release: pairs with has_key(), read() and all that take the state as a sign of life.
      record->state.store(state, std::memory_order_release);
    }
  }
  if (!created.is_new) {
    deadlines_.clear(index);
    if (created.full) {
      // Its reverse key was in the index for a moment, so that readers may be looking at it.
      pool_.retire(worker, *record);
    } else {
      pool_.release(worker, *record);
    }
    return created;
  }
  created.hit = {record, 0};
  return created;
}

Record* ConnTable::at(Handle handle) const {
  if (handle.index >= record_count_) return nullptr;
  Record& record = records_[handle.index];
  // The generation first, with acquire, as in read().
  return record.generation.load(std::memory_order_acquire) == handle.generation &&
                 is_published(handle.generation) &&
                 is_live(record.state.load(std::memory_order_acquire))
             ? &record
             : nullptr;
}

// ---- changes and the end

bool ConnTable::change_state(Record& record, ConnState from, ConnState to) {
  return record.state.compare_exchange_strong(from, to, std::memory_order_acq_rel,
                                              std::memory_order_relaxed);
}

ConnState ConnTable::kill(unsigned worker, Record* record) {
  ConnState state = record->state.load(std::memory_order_acquire);
  while (is_live(state)) {
    if (end(worker, *record, state)) return state;
  }
  return ConnState::kDead;
}

// False: the state was not `from` any more; `from` is then what it was.
bool ConnTable::end(unsigned worker, Record& record, ConnState& from) {
  // One of several gets through and unlinks. Acquire: the record as its creator filled it.
  if (!record.state.compare_exchange_strong(from, ConnState::kDead, std::memory_order_acq_rel,
                                            std::memory_order_acquire)) {
    return false;
  }
  const std::uint32_t generation = record.generation.load(std::memory_order_relaxed);
  record.generation.store(generation + 1, std::memory_order_release);

  const std::uint32_t index = index_of(record);
  const bool both = record.keys == 2;
  const std::uint64_t forward = hash(record.tuple[0], record.proto);
  const std::uint64_t reverse = both ? hash(record.tuple[1], record.proto) : forward;
  prefetch(forward);
  prefetch(reverse);
  deadlines_.clear(index);
  {
    const ConnIndex::Lock lock(index_, forward);
    erase(worker, forward, make_slot(forward, 0, index));
  }
  if (both) {
    const ConnIndex::Lock lock(index_, reverse);
    erase(worker, reverse, make_slot(reverse, 1, index));
  }
  pool_.count_killed(worker);
  pool_.retire(worker, record);
  return true;
}

// ---- upkeep

namespace {

std::uint32_t deadline_of(const Record& record, ConnState state, const Timeouts& timeouts) {
  return record.last_seen.load(std::memory_order_relaxed) + timeouts.ticks(record.service, state);
}

}  // namespace

void ConnTable::prefetch_lapsing(std::uint32_t index, std::uint32_t now,
                                 const Timeouts& timeouts) const {
  const Record& record = records_[index];
  const ConnState state = record.state.load(std::memory_order_acquire);
  if (!is_live(state) || is_later(deadline_of(record, state, timeouts), now)) return;
  prefetch_keys(record);
}

void ConnTable::prefetch_keys(const Record& record) const {
  for (unsigned dir = 0; dir < load_shared(record.keys); ++dir) {
    const std::uint64_t key_hash = hash(load_shared(record.tuple[dir]), load_shared(record.proto));
    prefetch_for_write(key_hash);
  }
}

ConnTable::Lapse ConnTable::lapse(unsigned worker, std::uint32_t index, std::uint32_t now,
                                  const Timeouts& timeouts, ConnState& last) {
  const std::uint32_t seen = deadlines_.get(index);
  if (!Deadlines::is_due(seen, now)) return Lapse::kNone;
  Record& record = records_[index];
  ConnState state = record.state.load(std::memory_order_acquire);
  if (!is_live(state)) return Lapse::kNone;
  last = state;
  const std::uint32_t deadline = deadline_of(record, state, timeouts);
  if (is_later(deadline, now)) {
    deadlines_.rearm(index, seen, deadline);
    return Lapse::kMoved;
  }
  // When the state has just changed the next sweep decides by the new one.
  return end(worker, record, state) ? Lapse::kExpired : Lapse::kNone;
}

std::uint32_t ConnTable::next_block(unsigned worker) {
  std::uint32_t& sweep = workers_[worker].sweep;
  if (sweep == RecordPool::kNone) sweep = pool_.first_chunk(worker);
  const std::uint32_t block = sweep;
  sweep += Deadlines::kBlock;
  if (sweep % RecordPool::kChunk == 0) sweep = pool_.chunk_after(sweep - RecordPool::kChunk);
  return block;
}

void ConnTable::reclaim(unsigned worker, std::size_t budget) {
  Worker& w = workers_[worker];
  pool_.share_permits(worker);
  if (!w.batch.empty()) {
    if (!grace_.passed(w.batch.token)) return;
    free_batch(worker, budget);
    if (!w.batch.empty()) return;
  }
  w.batch.records = pool_.take_dead(worker);
  w.batch.chain_buckets = std::exchange(w.unlinked, 0);
  if (!w.batch.empty()) w.batch.token = grace_.start();
}

void ConnTable::free_batch(unsigned worker, std::size_t budget) {
  Batch& batch = workers_[worker].batch;
  while (batch.chain_buckets != 0) {
    const std::uint32_t bucket = batch.chain_buckets - 1;
    batch.chain_buckets = index_.link(bucket).load(std::memory_order_relaxed);
    index_.recycle(bucket);
  }
  if (batch.records == 0) return;
  const std::uint32_t first = batch.records - 1;
  std::uint32_t last = first;
  for (std::size_t left = budget;;) {
    // A set_deadline() that came after the end may have armed it again.
    deadlines_.clear(last);
    batch.records = pool_.link(last).load(std::memory_order_relaxed);
    if (batch.records == 0 || left-- <= 1) break;
    last = batch.records - 1;
  }
  pool_.free(worker, first, last);
}

// ---- any thread

bool ConnTable::read(std::uint32_t index, Copy& copy) const {
  const Record& record = records_[index];
  const std::uint32_t generation = record.generation.load(std::memory_order_acquire);
  if (!is_published(generation)) return false;
  copy.state = record.state.load(std::memory_order_acquire);
  copy.tuple[0] = load_shared(record.tuple[0]);
  copy.tuple[1] = load_shared(record.tuple[1]);
  copy.rs = load_shared(record.rs);
  copy.service = load_shared(record.service);
  copy.last_seen = record.last_seen.load(std::memory_order_acquire);
  copy.proto = load_shared(record.proto);
  const std::uint8_t mode = load_shared(record.mode);
  copy.proxied = (mode & kProxied) != 0;
  copy.mode = static_cast<std::uint8_t>(mode & ~kProxied);
  if (copy.proxied) copy.translation = proxied(record).translation();
  copy.generation = generation;
  copy.client_hop = hop_of(record);
  copy.imported = record.import_epoch.load(std::memory_order_acquire) != 0;
  return is_live(copy.state) && record.generation.load(std::memory_order_relaxed) == generation;
}

}  // namespace lb
