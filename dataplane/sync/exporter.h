// Makes the batches that keep the peer's connection table like ours. Main thread.
//
//   worker: ChangeLog --------> ended, changed --+
//   a peer joined: the whole table, in slices ---+--> fill() -> batch
//   a full ring: the marked ranges again --------+
//   clients bound to a server: all of them, then those of which something changed
//   next hops to clients moved: the whole table
//   the secrets of SYN cookies, when a session begins and when one is new
//   active connections (last_seen), refreshed before the peer's copy could expire
//   this director becomes master: the whole table, as its state wins from now on
//   it becomes backup: for a second half-open connections too, whose next packet goes to the peer
//
// What no server has answered is not sent, so that a flood of forged packets loads neither the link nor
// the peer's table. DR mode does not see the answers: UDP is sent from the client's second datagram on.
// A TCP handshake of the client alone (HANDSHAKE) is sent, for its client may wait before it sends,
// but as half-open: so it has a short life there, too, and goes first when the table is full.
//
// Changes are coalesced: of a connection that changed several times between two batches the last
// state is sent, of one that came and went in between nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/conn/table.h"
#include "dataplane/persist/table.h"
#include "dataplane/service/snapshot.h"
#include "dataplane/service/syn_secrets.h"
#include "dataplane/sync/batch.h"
#include "dataplane/sync/change_log.h"

namespace lb {

class Exporter {
 public:
  struct Counters {
    std::uint64_t changed = 0;    // connections sent because they changed
    std::uint64_t ended = 0;      // ends sent
    std::uint64_t walked = 0;     // connections sent by a walk of the whole table or a marked range
    std::uint64_t refreshed = 0;  // connections sent because they are active
    std::uint64_t walks = 0;      // of the whole table, begun
    std::uint64_t lost = 0;       // changes that met a full ring; their ranges were walked again
    std::uint64_t lost_ends = 0;  // ends that met a full ring; the whole table was walked again
  };

  // All outlive the exporter; the logs are one per worker.
  Exporter(const ConnTable& table, std::span<ChangeLog* const> logs, RangeMarks& marks,
           PersistTable& persist, const SynSecrets& syn_secrets);

  // A peer joined: it gets everything.
  void begin();
  // It left: nothing is logged any more.
  void end();
  // Connections have other next hops to their clients: the peer gets all of them again.
  void hops_moved() { walk_due_ = true; }

  struct Fill {
    bool more = false;  // there was more than fitted
    // A walk begins: the peer's copy is incomplete from this batch on.
    bool walk_begin = false;
    bool walk_end = false;  // the walk ends: with this batch it is complete
  };
  // Appends entries to `batch` while it is smaller than `max_bytes`. To be called some hundred
  // times a second while a peer is there. `now` is the coarse tick.
  Fill fill(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot, std::uint32_t now);

  Counters counters() const;
  std::uint64_t pending() const;  // entries that wait in the rings

 private:
  enum class Why : std::uint8_t { kChanged, kWalk, kRange, kRefresh, kHalfOpen };

  void fill_secrets(std::string& batch);
  void fill_ended(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot);
  bool peer_may_have(const EndedConn& conn) const;
  bool fill_changed(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot,
                    std::uint32_t now);
  void fill_marked(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot,
                   std::uint32_t now);
  bool fill_walk(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot,
                 std::uint32_t now);
  void fill_refresh(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot,
                    std::uint32_t now);
  void fill_persistence(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot,
                        std::uint32_t now);
  void fill_persistence_walk(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot,
                             std::uint32_t now);
  void add_persistence(std::string& batch, const PersistRow& row, const Snapshot& snapshot,
                       std::uint32_t now);
  bool add(std::string& batch, std::uint32_t index, Why why, const Snapshot& snapshot,
           std::uint32_t now);
  void update_roles(const Snapshot& snapshot, std::uint32_t now);
  bool leaving(std::uint32_t now) const { return leaving_ && now - leaving_->began < kLeaving; }
  void fill_half_open(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot,
                      std::uint32_t now);
  void begin_walk(std::string& batch);
  void end_walk(std::string& batch, const Snapshot& snapshot, std::uint32_t now);
  bool refresh_due(std::uint32_t index, const ConnTable::Copy& conn, const Snapshot& snapshot,
                   std::uint32_t now) const;

  const ConnTable& table_;
  const std::vector<ChangeLog*> logs_;
  RangeMarks& marks_;
  PersistTable& persist_;
  const SynSecrets& syn_secrets_;
  std::optional<std::uint64_t> secrets_sent_;  // their version
  Counters counters_;
  // By record: generation and state last sent to the peer; 0: nothing.
  std::vector<std::uint32_t> exported_;
  bool on_ = false;
  bool walk_due_ = false;
  bool peer_lacks_ = false;  // the walk that is due is for what the peer may not have
  bool walking_ = false;
  std::uint32_t walk_at_ = 0;
  bool persist_walked_ = false;  // by the running walk
  std::uint32_t persist_at_ = 0;
  std::optional<std::uint32_t> walk_began_;
  std::vector<std::uint32_t> marked_;  // ranges to walk, each once
  std::uint32_t marked_at_ = 0;        // in the last of them
  std::uint64_t lost_ends_seen_ = 0;
  // By service slot, as of the snapshot of that generation.
  enum class Role : std::uint8_t { kNone, kSilent, kExported };
  std::vector<Role> roles_;
  std::vector<bool> walked_;  // exported since the walk began
  std::optional<std::uint64_t> roles_generation_;
  static constexpr std::uint32_t kLeaving = 10;  // ticks: a second
  struct Leaving {
    std::uint32_t began;
    std::uint32_t scan_began;  // tick
    std::uint32_t at;          // how far it is
  };
  std::optional<Leaving> leaving_;
  std::uint32_t refresh_at_ = 0;
  std::uint32_t refresh_round_ = 0;
  std::uint32_t refresh_period_ = 1;  // ticks per round
  std::uint32_t refreshed_tick_ = 0;
  std::uint64_t refresh_credit_ = 0;  // records to read, in 1/2^16
};

}  // namespace lb
