// The connection table: one for all workers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/conn/record.h"

namespace lb {

// Quiescence of the workers, handed in (DPDK's QSBR in the daemon, a small one in tests).
class GracePeriod {
 public:
  virtual ~GracePeriod() = default;
  virtual std::uint64_t start() = 0;  // any worker or the control thread
  virtual bool passed(
      std::uint64_t token) const = 0;  // true once every worker was quiescent after start()
};

// A record found, and the direction of the key that found it: 0 from the client, 1 from the real
// server.
struct Hit {
  Record* record = nullptr;
  unsigned dir = 0;
  explicit operator bool() const { return record != nullptr; }
};

class ConnTable {
 public:
  struct Options {
    std::uint32_t max_connections = 0;
    unsigned workers = 1;
    std::uint64_t hash_key[4] = {};  // random
  };
  // Bytes of zeroed, cache-line aligned memory that the table needs for `options`; the caller owns
  // it and keeps it longer.
  static std::size_t memory_bytes(const Options& options);
  ConnTable(const Options& options, std::span<std::byte> memory, GracePeriod& grace);

  // ---- hot path, any worker
  std::uint64_t hash(const FlowTuple& tuple, std::uint8_t proto) const;
  void prefetch(std::uint64_t hash) const;  // the primary bucket
  std::uint64_t probe(
      std::uint64_t hash) const;  // first slot of the primary bucket with this tag, 0: none
  void prefetch_record(std::uint64_t slot) const;  // for write
  // The slot's record if it really bears this key and is alive; else the full search (further
  // slots, alternate bucket, chain).
  Hit find(std::uint64_t slot, const FlowTuple& tuple, std::uint8_t proto,
           std::uint64_t hash) const;
  Hit find(const FlowTuple& tuple, std::uint8_t proto, std::uint64_t hash) const;

  // ---- new connections, any worker
  // A record to fill, or nullptr when none is free. It belongs to the worker until publish() or
  // release().
  Record* allocate(unsigned worker);
  void release(unsigned worker, Record* record);  // of a record that was never published
  // Makes the filled record visible (state, deadline and last_seen set by the caller through the
  // arguments). If another worker published the same forward key first, the record is released and
  // the winner returned; if the reverse key is taken by another connection (or an index bucket
  // chain cannot grow) the record is released and {nullptr} returned.
  Hit publish(unsigned worker, Record* record, ConnState state, std::uint32_t now,
              std::uint32_t deadline);
  // Oldest half-open connection of this worker, for the full-table policy; nullptr: none.
  Record* oldest_half_open(unsigned worker);

  // Ends a connection: of several callers one wins and gets its last state; the others get kDead.
  // Unlinks the keys; the owner frees the record after a grace period. Any worker.
  ConnState kill(unsigned worker, Record* record);

  // State change; false if it was not `from` any more. Any worker.
  static bool change_state(Record& record, ConnState from, ConnState to);
  // Brings the record's deadline hint forward (or back); needed when the new state's timeout is
  // shorter than the old one's.
  void set_deadline(const Record& record, std::uint32_t deadline);

  // ---- upkeep, the owner only, in bounded slices
  // Looks at up to `budget` deadline hints of this worker's records, from where the last call
  // ended. For each that is due: deadline = last_seen + timeout_ticks[state]; re-armed when that is
  // later, else killed and on_expired called with the record's last state. Also frees killed
  // records whose grace period passed. Returns the number killed. Visitor: void(Record&, ConnState)
  template <typename OnExpired>
  unsigned expire(unsigned worker, std::uint32_t now, const std::uint32_t* timeout_ticks,
                  std::size_t budget, OnExpired&& on_expired);

  // Calls visit(Record&) for this worker's live records in [cursor, cursor + budget) of its own
  // numbering; returns the next cursor, 0 at the end.
  template <typename Visit>
  std::size_t walk(unsigned worker, std::size_t cursor, std::size_t budget, Visit&& visit);

  // ---- any thread, also one that no grace period waits for
  struct Copy {
    FlowTuple tuple[2];
    std::uint32_t rs = 0, service = 0;
    std::uint32_t last_seen = 0;
    ConnState state = ConnState::kNone;
    std::uint8_t proto = 0, mode = 0;
  };
  // Consistent copy of record `index` (generation-checked); false if it is not a live connection.
  bool read(std::uint32_t index, Copy& copy) const;
  std::uint32_t records() const;  // indexes are below this
  std::uint64_t live() const;     // connections now

 private:
  struct Impl;
};

}  // namespace lb
