// The connection table: one for all workers.
//
// A packet of a known connection goes: hash() -> prefetch() -> probe() -> prefetch_record() ->
// find(). These run in a burst each for all packets before the next, so that the two cache lines
// that a connection costs (its bucket's, its record's) come in while others are worked on.
//
// What holds at any time:
//  - A connection has one or two keys, each with one slot in the index, which names the record and
//    the direction. A live record (is_live(state)) has all of them; they are there before the state
//    says so, and go after it says kDead. So a record that is found but is not live is a miss.
//  - No two live connections share a key: create() holds the lock of both keys' primary buckets
//    from the check until the new record is live.
//  - The killer, one per connection, unlinks the keys. They are free for a new connection from then
//    on, while the record itself waits until every worker has been quiescent.
//
// "Any worker" below means: a thread that the grace period waits for, between two of its quiescent
// states; what it found, it may use until the next one. Keep a Handle for longer.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/conn/deadlines.h"
#include "dataplane/conn/grace_period.h"
#include "dataplane/conn/hash.h"
#include "dataplane/conn/hop_table.h"
#include "dataplane/conn/index.h"
#include "dataplane/conn/proxied.h"
#include "dataplane/conn/record.h"
#include "dataplane/conn/record_pool.h"

namespace lb {

// What a new connection is made of; the fields are Record's.
struct NewConn {
  FlowTuple tuple[2];
  Deltas deltas;
  std::uint32_t rs = 0;
  std::uint32_t service = 0;
  std::uint32_t client_hop = HopTable::kNone;
  std::uint8_t proto = 0;
  std::uint8_t mode = 0;
  std::uint8_t keys = 2;  // 1: forward key only
  std::uint8_t import_epoch = 0;
  std::uint16_t sync_id = 0;
  std::array<std::uint16_t, 2> seq{};
  // Of a connection that a SYN proxy opens, copied; null: of no other one. Only if can_proxy().
  const ProxiedClient* proxied = nullptr;
  TcpTranslation translation;  // likewise, of one that the HA peer sent
};

class ConnTable {
 public:
  struct Options {
    std::uint32_t max_connections = 0;  // at most 2^31
    unsigned workers = 1;               // at most 255
    std::uint64_t hash_key[4] = {};     // random
    // Sizes of the index; 0: enough for max_connections with two keys each.
    std::uint32_t buckets = 0;
    std::uint32_t chain_buckets = 0;
  };
  // Bytes of cache-line aligned memory that the table needs for `options`, 103 per connection and
  // up to 768 KB for the hops; the caller owns it and keeps it longer. The constructor writes all
  // of it.
  static std::size_t memory_bytes(const Options& options);
  ConnTable(const Options& options, std::span<std::byte> memory, GracePeriod& grace);
  ConnTable(const ConnTable&) = delete;
  ConnTable& operator=(const ConnTable&) = delete;

  // Of the clients; records refer to it.
  HopTable& hops() { return hops_; }
  const HopTable& hops() const { return hops_; }

  // Memory for records() connections that a SYN proxy opens, which the caller owns and keeps longer. Once;
  // by the main thread, at any time.
  void set_proxied(ProxiedConn* memory) {
    proxied_.store(memory, std::memory_order_release);  // pairs with can_proxy()
  }
  bool can_proxy() const { return proxied_.load(std::memory_order_acquire) != nullptr; }
  // Of a record that is_proxied().
  ProxiedConn& proxied(const Record& record) const {
    return proxied_.load(std::memory_order_acquire)[index_of(record)];
  }

  // ---- hot path, any worker
  std::uint64_t hash(const FlowTuple& tuple, std::uint8_t proto) const {
    return flow_hash(tuple, proto, key_);
  }
  // The primary bucket.
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&index_.primary(hash)); }
  void prefetch_for_write(std::uint64_t hash) const {
    __builtin_prefetch(&index_.primary(hash), 1);
  }
  // First slot of the primary bucket with this tag, 0: none.
  std::uint64_t probe(std::uint64_t hash) const { return index_.probe(hash); }
  // For write, last_seen. Harmless for an empty slot.
  void prefetch_record(std::uint64_t slot) const {
    __builtin_prefetch(&records_[slot_index(slot)], 1);
  }
  // The slot's record if it really has this key and is live; else the full search (further
  // slots, alternate bucket, chain).
  Hit find(std::uint64_t slot, const FlowTuple& tuple, std::uint8_t proto,
           std::uint64_t hash) const {
    if (slot != 0) [[likely]] {
      Record& record = records_[slot_index(slot)];
      if (has_key(record, slot_dir(slot), tuple, proto)) [[likely]] {
        return {&record, slot_dir(slot)};
      }
    } else if (!index_.overflowed(hash)) {
      return {};
    }
    return index_.find(tuple, proto, hash);
  }
  Hit find(const FlowTuple& tuple, std::uint8_t proto, std::uint64_t hash) const {
    return find(probe(hash), tuple, proto, hash);
  }

  std::uint32_t index_of(const Record& record) const { return pool_.index_of(record); }
  Handle handle_of(const Record& record) const {
    return {index_of(record), record.generation.load(std::memory_order_relaxed)};
  }
  // The connection that the handle was made of, if it is still alive; else nullptr.
  Record* at(Handle handle) const;

  // ---- new connections, any worker
  // Makes a connection visible under its keys, or returns the one that a worker made first under
  // the forward key. `hash` is that of tuple[0]; `now` becomes last_seen.
  struct Created {
    Hit hit;              // none: full, or the reverse key belongs to another connection
    bool is_new = false;  // false: somebody else's
    bool full = false;    // max_connections reached, or no room in the index
  };
  Created create(unsigned worker, const NewConn& conn, std::uint64_t hash, ConnState state,
                 std::uint32_t now, std::uint32_t deadline);
  // For how many more connections there is room, but for some places that other workers hold.
  std::int64_t room() const { return pool_.room(); }
  // Records that have been in use ever: those below it, and some that will be.
  std::uint32_t records_in_use() const { return pool_.claimed(); }
  std::uint32_t max_connections() const { return max_connections_; }
  // The buckets that kill() of the record is going to need.
  void prefetch_keys(const Record& record) const;

  // Ends a connection: of several callers one wins and gets its last state; the others get kDead.
  // Unlinks the keys; the owner frees the record after a grace period. Any worker.
  ConnState kill(unsigned worker, Record* record);

  // State change; false if it was not `from` any more. Any worker.
  static bool change_state(Record& record, ConnState from, ConnState to);
  // Moves the record's deadline; needed when the new state's timeout is shorter than the old one's.
  void set_deadline(const Record& record, std::uint32_t deadline) {
    deadlines_.set(index_of(record), deadline);
  }

  // ---- upkeep, each worker for itself, in bounded slices
  // Looks at up to `budget` deadlines (in steps of Deadlines::kBlock, at least one) of the records
  // that this worker owns, from where the last call ended. For each that has come: deadline =
  // last_seen + timeouts.ticks(service, state); re-armed when that is later, else killed and
  // on_expired called with the connection's last state. Also frees killed records whose grace
  // period passed: to be called also when nothing expires. Returns the number killed. Timeouts are
  // below 2^31 ticks. A deadline that comes too early is moved; on_moved is called for these.
  // Visitors: void(Record&, ConnState)
  template <typename OnExpired, typename OnMoved>
  unsigned expire(unsigned worker, std::uint32_t now, const Timeouts& timeouts, std::size_t budget,
                  OnExpired&& on_expired, OnMoved&& on_moved);
  template <typename OnExpired>
  unsigned expire(unsigned worker, std::uint32_t now, const Timeouts& timeouts, std::size_t budget,
                  OnExpired&& on_expired) {
    return expire(worker, now, timeouts, budget, std::forward<OnExpired>(on_expired),
                  [](Record&, ConnState) {});
  }

  // Looks at up to `budget` of the records that this worker owns and calls visit(Record&) for the
  // live ones. Begins at cursor 0, goes on at the cursor it returned; 0 at the end. A connection
  // that lives through the whole walk over all workers is visited once.
  template <typename Visit>
  std::size_t walk(unsigned worker, std::size_t cursor, std::size_t budget, Visit&& visit);

  // The same over all workers' records, for one worker.
  template <typename Visit>
  std::uint32_t walk_all(std::uint32_t cursor, std::size_t budget, Visit&& visit);

  // ---- any thread, also one that no grace period waits for
  struct Copy {
    FlowTuple tuple[2];
    std::uint32_t rs = 0, service = 0;
    std::uint32_t last_seen = 0;
    ConnState state = ConnState::kNone;
    std::uint8_t proto = 0, mode = 0;
    bool proxied = false;
    TcpTranslation translation;  // of a proxied one
    std::uint32_t generation = 0;
    ClientHop client_hop;
    bool imported = false;  // from the HA peer
  };
  // Consistent copy of record `index` (generation-checked); false if it is not a live connection.
  bool read(std::uint32_t index, Copy& copy) const;
  void prefetch_record_at(std::uint32_t index) const { __builtin_prefetch(&records_[index]); }
  std::uint32_t records() const { return record_count_; }  // indexes are below this
  std::uint64_t live() const { return pool_.live(); }      // connections now
  ConnIndex::Usage index_usage() const { return index_.usage(); }

 private:
  struct Layout;

  // What waits for a grace period; one batch at a time.
  struct Batch {
    std::uint32_t records = 0;  // lists: links are 1 + index, 0 ends one
    std::uint32_t chain_buckets = 0;
    std::uint64_t token = 0;
    bool empty() const { return records == 0 && chain_buckets == 0; }
  };
  // Its worker's alone.
  struct alignas(kCacheLine) Worker {
    std::uint32_t sweep = RecordPool::kNone;  // block to check next
    std::uint32_t unlinked = 0;               // list of chain buckets
    Batch batch;
  };

  ConnTable(const Options& options, const Layout& layout, std::byte* memory, GracePeriod& grace);

  // While the record has the index, the index has its hop; when that ends meanwhile, its new one.
  ClientHop hop_of(const Record& record) const {
    for (;;) {
      const std::uint32_t index = record.client_hop.load(std::memory_order_acquire);
      const ClientHop hop = hops_.at(index);
      if (record.client_hop.load(std::memory_order_relaxed) == index) return hop;
    }
  }
  void fill(Record& record, const NewConn& conn, std::uint32_t now);
  bool link(unsigned worker, Record& record, std::uint64_t forward, std::uint64_t reverse);
  void erase(unsigned worker, std::uint64_t hash, std::uint64_t slot);
  bool end(unsigned worker, Record& record, ConnState& from);
  // Of a record whose deadline came: the buckets that lapse() is going to need.
  void prefetch_lapsing(std::uint32_t index, std::uint32_t now, const Timeouts& timeouts) const;
  // Looks at a record whose deadline came: moves that, or kills the record; it was in state `last`.
  enum class Lapse : std::uint8_t { kNone, kMoved, kExpired };
  Lapse lapse(unsigned worker, std::uint32_t index, std::uint32_t now, const Timeouts& timeouts,
              ConnState& last);
  void reclaim(unsigned worker, std::size_t budget);
  void free_batch(unsigned worker, std::size_t budget);
  std::uint32_t next_block(unsigned worker);

  Record* records_;
  std::uint32_t record_count_;
  std::uint32_t max_connections_;
  HashKey key_;
  Deadlines deadlines_;
  Worker* workers_;
  GracePeriod& grace_;
  ConnIndex index_;
  RecordPool pool_;
  HopTable hops_;
  std::atomic<ProxiedConn*> proxied_{nullptr};
};

template <typename OnExpired, typename OnMoved>
unsigned ConnTable::expire(unsigned worker, std::uint32_t now, const Timeouts& timeouts,
                           std::size_t budget, OnExpired&& on_expired, OnMoved&& on_moved) {
  reclaim(worker, budget);
  constexpr std::size_t kBlocksPerChunk = RecordPool::kChunk / Deadlines::kBlock;
  const std::size_t all = pool_.chunks(worker) * kBlocksPerChunk;
  const std::size_t wanted = (budget + Deadlines::kBlock - 1) / Deadlines::kBlock;
  unsigned killed = 0;
  for (std::size_t left = wanted < all ? wanted : all; left > 0; --left) {
    const std::uint32_t first = next_block(worker);
    const std::uint64_t due = deadlines_.due(first, now);
    for (std::uint64_t d = due; d != 0; d &= d - 1) {
      __builtin_prefetch(&records_[first + static_cast<unsigned>(__builtin_ctzll(d))], 1);
    }
    for (std::uint64_t d = due; d != 0; d &= d - 1) {
      prefetch_lapsing(first + static_cast<unsigned>(__builtin_ctzll(d)), now, timeouts);
    }
    for (std::uint64_t d = due; d != 0; d &= d - 1) {
      const std::uint32_t index = first + static_cast<unsigned>(__builtin_ctzll(d));
      ConnState last{};
      switch (lapse(worker, index, now, timeouts, last)) {
        case Lapse::kNone:
          break;
        case Lapse::kMoved:
          on_moved(records_[index], last);
          break;
        case Lapse::kExpired:
          on_expired(records_[index], last);
          ++killed;
          break;
      }
    }
  }
  return killed;
}

template <typename Visit>
std::size_t ConnTable::walk(unsigned worker, std::size_t cursor, std::size_t budget,
                            Visit&& visit) {
  // 1 + the index of the record to check next.
  std::uint32_t index =
      cursor == 0 ? pool_.first_chunk(worker) : static_cast<std::uint32_t>(cursor - 1);
  for (; budget > 0 && index != RecordPool::kNone; --budget) {
    Record& record = records_[index];
    // Acquire: pairs with create(); the record is filled.
    if (is_live(record.state.load(std::memory_order_acquire))) visit(record);
    ++index;
    if (index % RecordPool::kChunk == 0) index = pool_.chunk_after(index - RecordPool::kChunk);
  }
  return index == RecordPool::kNone ? 0 : std::size_t{index} + 1;
}

template <typename Visit>
std::uint32_t ConnTable::walk_all(std::uint32_t cursor, std::size_t budget, Visit&& visit) {
  for (; budget > 0 && cursor < record_count_; --budget, ++cursor) {
    Record& record = records_[cursor];
    // Acquire: as in walk(). A record that is killed and freed by its owner meanwhile is not filled
    // anew before this worker's next quiescent state.
    if (is_live(record.state.load(std::memory_order_acquire))) visit(record);
  }
  return cursor < record_count_ ? cursor : 0;
}

}  // namespace lb
