// Which client is bound to which real server: one table for all workers.
//
// Only packets that open connections of services with persistence come here, so that a lock per
// shard will do. A shard has a fixed number of entries, an index over them, and two lists in the
// order of their last use. When it is full the entry that was not used for longest makes room: at
// first among those of whose connections none was ever seen established, so that a flood of SYNs
// forgets itself before anybody else.
//
// Changes for the HA peer wait in a queue of the shard, linked through the entries themselves:
// an entry is in it once, however often it changes, and nothing is ever lost for want of room.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "config/base/byte_order.h"
#include "config/base/cache_line.h"

namespace lb {

// A real server as entries name it. Port 0: any, in a group of services.
struct PersistServer {
  Be32 address;
  Be16 port;
  bool operator==(const PersistServer&) const = default;
};

// `scope`: of ServiceEntry, one number for all services of a group; never 0. `client`: its network.
struct PersistKey {
  std::uint32_t scope = 0;
  Be32 client;
  bool operator==(const PersistKey&) const = default;
};

// A client that uses a server by a service.
struct PersistUse {
  PersistKey key;
  PersistServer server;
  std::uint32_t service = 0;  // slot
  std::uint32_t ticks = 0;    // the service's persistence
};

// What readers get of an entry.
struct PersistRow {
  PersistKey key;
  PersistServer server;
  std::uint32_t service = 0;  // slot, by which the client came last
  std::uint32_t expires = 0;  // tick
  bool confirmed = false;     // a connection by it was seen established
  bool imported = false;      // from the HA peer, and not used here since
  bool ended = false;         // flushed; only to be sent to the HA peer
  std::uint8_t epoch = 0;     // of the peer's walk that contained it; 0: none
};

class PersistTable {
 public:
  struct Options {
    std::uint32_t max_entries = 250'000;
    // Random in the daemon, so that no client can aim at one shard.
    std::uint64_t hash_key[2] = {0x9e37'79b9'7f4a'7c15, 0xc2b2'ae3d'27d4'eb4f};
  };
  explicit PersistTable(const Options& options);
  ~PersistTable();
  PersistTable(const PersistTable&) = delete;
  PersistTable& operator=(const PersistTable&) = delete;

  // Allocates the memory, once; false: there is none. Main thread, before it
  // publishes a snapshot with persistence: by the snapshot the workers see it.
  bool prepare();
  bool ready() const { return entries_ != nullptr; }

  // ---- any thread, after prepare(). `now` is the coarse tick.

  // The client's server; false: none, or its time is over.
  bool find(const PersistKey& key, std::uint32_t now, PersistServer& server);
  // Binds the client to use.server, unless it is bound by now: another worker was first. `instead`
  // is the server that the caller found unfit; its entry is changed. Returns the server to go to.
  PersistServer claim(const PersistUse& use, const PersistServer* instead, std::uint32_t now);
  // A new connection was made to use.server: the time starts again, if that is still the client's.
  void renew(const PersistUse& use, std::uint32_t now);
  // An established connection to use.server lives: likewise.
  void confirm(const PersistUse& use, std::uint32_t now);

  // ---- from the HA peer
  enum class Imported : std::uint8_t { kTaken, kKept };
  // `left`: ticks that the entry has there. `epoch`: of the peer's walk, never 0. Not
  // `authoritative`: what is known here stays.
  Imported import(const PersistUse& use, std::uint32_t left, std::uint8_t epoch, bool authoritative,
                  std::uint32_t now);
  bool remove(const PersistKey& key);

  // ---- upkeep, in slices of kSlice entries
  static constexpr std::uint32_t kSlice = 64;
  // Checks the entries from `cursor` on and removes those for which gone(row) holds, as does
  // every one whose time is over. Returns the next cursor; 0: all have been seen.
  template <typename Visit>
  std::uint32_t sweep(std::uint32_t cursor, std::uint32_t now, Visit gone) {
    return sweep_slice(cursor, now, &call<Visit>, &gone);
  }

  // ---- the main thread
  // Copies the live entries from `cursor` on; at most kSlice. Moves the cursor; 0: the end.
  std::size_t read(std::uint32_t& cursor, std::uint32_t now, std::span<PersistRow, kSlice> rows);
  // Removes the entries from `cursor` on for which wanted(row) holds; adds to `count`.
  template <typename Visit>
  std::uint32_t flush(std::uint32_t cursor, std::uint32_t now, std::uint64_t& count, Visit wanted) {
    return flush_slice(cursor, now, count, &call<Visit>, &wanted);
  }
  // From begin_export() to end_export() changes are queued for take_changed().
  void begin_export();
  void end_export();
  // Up to rows.size() entries that have changed; 0: no more.
  std::size_t take_changed(std::span<PersistRow> rows);

  std::uint64_t entries() const;
  std::uint64_t evicted() const;
  std::uint32_t max_entries() const { return options_.max_entries; }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct Entry {
    PersistKey key;
    PersistServer server;
    bool used = false;
    bool confirmed = false;
    bool queued = false;  // in its shard's queue; stays when the entry is freed
    bool imported = false;
    bool ended = false;
    std::uint8_t epoch = 0;  // of the peer's walk; 0: made here, or never spoken of
    std::uint32_t service = 0;
    std::uint32_t expires = 0;
    std::uint32_t peer_expires = 0;  // `expires` as the peer has it
    std::uint32_t chain = kNone;     // next with the same hash, or next free one
    std::uint32_t older = kNone, newer = kNone;
    std::uint32_t next_changed = kNone;
  };
  struct List {
    std::uint32_t oldest = kNone, newest = kNone;
  };
  struct alignas(kCacheLine) Shard {
    std::atomic<bool> locked{false};
    std::atomic<bool> changed{false};  // the queue is not empty; a hint outside of the lock
    std::uint32_t free = kNone;
    List lists[2];  // [confirmed]
    std::uint32_t changed_first = kNone, changed_last = kNone;
    std::atomic<std::uint32_t> used{0};  // written under the lock
    std::atomic<std::uint64_t> evicted{0};
  };
  class Lock;
  using Gone = bool (*)(void*, const PersistRow&);
  template <typename Visit>
  static bool call(void* visit, const PersistRow& row) {
    return (*static_cast<Visit*>(visit))(row);
  }

  std::uint64_t hash(const PersistKey& key) const;
  std::uint32_t* head_of(std::uint64_t hash);
  Shard& shard_of(std::uint64_t hash) { return shards_[hash >> 32 & (shard_count_ - 1)]; }
  Shard& shard_at(std::uint32_t entry) { return shards_[entry / per_shard_]; }

  Entry* look_up(std::uint64_t hash, const PersistKey& key);
  Entry& insert(Shard& shard, std::uint64_t hash, const PersistUse& use);
  void erase(Shard& shard, std::uint32_t index);
  void link(Shard& shard, std::uint32_t index);
  void unlink(Shard& shard, std::uint32_t index);
  void restart(Shard& shard, Entry& entry, const PersistUse& use, std::uint32_t now);
  void changed(Shard& shard, Entry& entry);
  std::uint32_t index_of(const Entry& entry) const {
    return static_cast<std::uint32_t>(&entry - entries_.get());
  }
  static PersistRow row_of(const Entry& entry);
  std::uint32_t sweep_slice(std::uint32_t cursor, std::uint32_t now, Gone gone, void* context);
  std::uint32_t flush_slice(std::uint32_t cursor, std::uint32_t now, std::uint64_t& count,
                            Gone wanted, void* context);
  std::uint32_t slice_end(std::uint32_t cursor) const;
  std::uint32_t after(std::uint32_t end) const { return end == total() ? 0 : end; }
  std::uint32_t total() const { return shard_count_ * per_shard_; }

  const Options options_;
  std::uint32_t shard_count_;
  std::uint32_t per_shard_;
  std::uint32_t heads_;  // per shard, a power of two
  std::atomic<bool> exporting_{false};
  std::uint32_t export_shard_ = 0;  // shard, the main thread's
  std::unique_ptr<Shard[]> shards_;
  std::unique_ptr<std::uint32_t[]> index_;  // first entry by hash
  std::unique_ptr<Entry[]> entries_;
};

}  // namespace lb
