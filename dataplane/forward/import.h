// Puts connections and bound clients from the HA peer into the tables of this director. One worker
// does it, between bursts and in slices; its thread alone uses this object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/forward/connections.h"
#include "dataplane/persist/table.h"
#include "dataplane/service/snapshot.h"
#include "dataplane/stats/counters.h"
#include "dataplane/sync/batch.h"

namespace lb {

class Importer {
 public:
  // All of them outlive this object.
  Importer(Connections& conns, ConnTable& table, PersistTable& persist, WorkerCounters& counters)
      : conns_(conns),
        table_(table),
        persist_(persist),
        counters_(counters),
        walked_(kMaxServiceSlots) {}

  // Puts entries into the tables, in order: at most kBurst, and none after the end of a walk.
  // Returns how many; pass the others again. While sweeping(), call sweep() first.
  std::size_t import(std::span<const SyncEntry> entries, const Snapshot& snapshot,
                     std::uint32_t now);
  // Whether a walk of the peer has ended and what was not part of it is still to be removed.
  bool sweeping() const { return sweep_.step != Sweep::Step::kNone; }
  // A slice of that.
  void sweep(const Snapshot& snapshot);

 private:
  // A pass over the connections, then over the bound clients.
  struct Sweep {
    enum class Step : std::uint8_t { kNone, kConnections, kClients } step = Step::kNone;
    std::uint32_t cursor = 0;
    std::uint32_t began = 0;  // tick
  };

  void count_outcome(ImportOutcome outcome) {
    counters_.imports[static_cast<std::size_t>(outcome)].add(1);
  }
  ImportOutcome import_conn(const SyncEntry& entry, std::uint64_t hash, const Snapshot& snapshot,
                            std::uint32_t now);
  ImportOutcome create(const SyncEntry& entry, std::uint64_t hash, std::uint32_t rs_slot,
                       const Snapshot& snapshot, std::uint32_t now);
  void update(Record& record, const SyncEntry& entry, const Snapshot& snapshot, std::uint32_t now);
  ImportOutcome import_end(const SyncEntry& entry, std::uint64_t hash, const Snapshot& snapshot);
  ImportOutcome import_persistence(const SyncEntry& entry, const Snapshot& snapshot,
                                   std::uint32_t now);
  void begin_walk();
  void set_walked(const SyncEntry& entry, const Snapshot& snapshot);
  void log_late_update(const Record& record, const Snapshot& snapshot);
  void sweep_connections(const Snapshot& snapshot);
  void sweep_clients(const Snapshot& snapshot);

  Connections& conns_;
  ConnTable& table_;
  PersistTable& persist_;
  WorkerCounters& counters_;
  std::uint8_t epoch_ = 1;    // of the peer's last walk; never 0
  std::vector<bool> walked_;  // by service slot: the peer's walk contains all of its connections
  Sweep sweep_;
};

}  // namespace lb
