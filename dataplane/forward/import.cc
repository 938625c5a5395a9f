// Connections that the HA peer tells of. As long as another director is master of the VIP its word
// counts; as master one's own counts, and late news only add what is not known yet.
#include <algorithm>

#include "dataplane/forward/pipeline.h"
#include "dataplane/packet/rewrite.h"

namespace lb {

namespace {
constexpr std::size_t kSweepSlice = 1024;  // records looked at per call
}

std::size_t Pipeline::import(std::span<const SyncEntry> entries, const Snapshot& snapshot,
                             std::uint32_t now) {
  const std::size_t count = std::min<std::size_t>(entries.size(), kBurst);
  std::array<std::uint64_t, kBurst> hashes;
  for (std::size_t i = 0; i < count; ++i) {
    hashes[i] = table_.hash(entries[i].tuple, entries[i].proto);
    table_.prefetch_for_write(hashes[i]);
  }
  for (std::size_t i = 0; i < count; ++i) table_.prefetch_record(table_.probe(hashes[i]));
  for (std::size_t i = 0; i < count; ++i) {
    const SyncEntry& entry = entries[i];
    switch (entry.kind) {
      case SyncKind::kConn:
        count_import(import_conn(entry, hashes[i], snapshot, now));
        break;
      case SyncKind::kEnd:
        count_import(import_end(entry, hashes[i], snapshot));
        break;
      case SyncKind::kWalkBegin:
        import_epoch_ = import_epoch_ == 255 ? 1 : static_cast<std::uint8_t>(import_epoch_ + 1);
        walked_.assign(walked_.size(), false);
        break;
      case SyncKind::kWalked: {
        const std::uint32_t slot =
            snapshot.find_service(entry.tuple.dst, entry.tuple.dport, entry.proto);
        if (slot != kNoSlot) walked_[slot] = true;
        break;
      }
      case SyncKind::kPersist:
      case SyncKind::kPersistEnd:
        count_import(import_persistence(entry, snapshot, now));
        break;
      case SyncKind::kWalkEnd:
        sweeping_ = true;
        sweep_cursor_ = 0;
        conns_swept_ = false;
        sweep_began_ = now;
        return i + 1;
    }
  }
  return count;
}

void Pipeline::count_import(ImportOutcome outcome) {
  counters_.imports[static_cast<std::size_t>(outcome)].add(1);
}

// What a master, which knows better, still hears from who was master before: that a handshake went
// on there, or that a new connection came there on the ports of one that is over.
bool Pipeline::is_younger(const SyncEntry& entry, const Record& record, std::uint32_t rs_slot,
                          std::uint32_t now) {
  if (entry.state > ConnState::kEstablished) return false;
  const ConnState known = record.state.load(std::memory_order_relaxed);
  if (is_half_open(known)) return record.rs == rs_slot && !is_half_open(entry.state);
  if (!is_reusable(known)) return false;
  // When it was seen last tells nothing for sure: the new one's packets came to the old one here.
  const std::uint16_t id = record.sync_id.load(std::memory_order_relaxed);
  return is_half_open(entry.state) || (id != 0 && id != entry.sync_id) ||
         is_later(now - entry.age_ticks, record.last_seen.load(std::memory_order_relaxed));
}

ImportOutcome Pipeline::import_conn(const SyncEntry& entry, std::uint64_t hash,
                                    const Snapshot& snapshot, std::uint32_t now) {
  const std::uint32_t service_slot =
      snapshot.find_service(entry.tuple.dst, entry.tuple.dport, entry.proto);
  if (service_slot == kNoSlot) return ImportOutcome::unknown_service;
  const std::uint32_t rs_slot =
      snapshot.find_real_server(service_slot, entry.rs_address, entry.rs_port);
  if (rs_slot == kNoSlot) return ImportOutcome::unknown_real_server;
  if (!entry.port_known) return ImportOutcome::unknown_port;

  ImportOutcome outcome = ImportOutcome::created;
  const Hit hit = table_.find(entry.tuple, entry.proto, hash);
  if (hit) {
    if (hit.dir != 0) return ImportOutcome::reply_tuple_taken;
    if (!snapshot.services[service_slot].standby && !is_younger(entry, *hit.record, rs_slot, now)) {
      // It is there at the peer, too: a walk that ends when we are standby again must know that.
      if (hit.record->import_epoch.load(std::memory_order_relaxed) != 0) {
        hit.record->import_epoch.store(import_epoch_, std::memory_order_relaxed);
      }
      return ImportOutcome::kept;
    }
    if (hit.record->rs == rs_slot && hit.record->mode == entry.mode) {
      update_imported(*hit.record, entry, snapshot, now);
      tell_back(*hit.record, snapshot);
      return ImportOutcome::updated;
    }
    end_connection(*hit.record);
    outcome = ImportOutcome::replaced;
  }

  const std::uint32_t timeout = snapshot.timeouts().ticks(service_slot, entry.state);
  if (entry.age_ticks >= timeout) return ImportOutcome::too_old;
  NewConn conn;
  conn.tuple[0] = entry.tuple;
  conn.tuple[1] = {entry.rs_address, entry.tuple.src, entry.rs_port, entry.tuple.sport};
  conn.rs = rs_slot;
  conn.service = service_slot;
  conn.client_hop = entry.client_hop;
  conn.proto = entry.proto;
  conn.mode = entry.mode;
  conn.import_epoch = import_epoch_;
  conn.sync_id = entry.sync_id;
  if (static_cast<Mode>(entry.mode) == Mode::kNat) {
    const Deltas delta = deltas(conn.tuple[0], conn.tuple[1].reversed());
    conn.ip_delta = delta.ip;
    conn.l4_delta = delta.l4;
  } else {
    conn.keys = 1;
  }
  const std::uint32_t seen = now - entry.age_ticks;
  const ConnTable::Created created =
      table_.create(worker_, conn, hash, entry.state, seen, seen + timeout);
  // A packet made the connection just now: that one is here, and the next news go to it.
  if (created.hit && !created.is_new) return ImportOutcome::kept;
  if (!created.hit) {
    return created.full ? ImportOutcome::table_full : ImportOutcome::reply_tuple_taken;
  }
  count_state(rs_slot, ConnState::kNone, entry.state);
  tell_back(*created.hit.record, snapshot);
  return outcome;
}

// Late news that a master takes: on their way they may have met its own older word, which the peer
// goes by now.
void Pipeline::tell_back(const Record& record, const Snapshot& snapshot) {
  if (log_ == nullptr || !snapshot.services[record.service].exported()) return;
  log_->changed(table_.handle_of(record));
}

void Pipeline::update_imported(Record& record, const SyncEntry& entry, const Snapshot& snapshot,
                               std::uint32_t now) {
  const std::uint32_t seen = now - entry.age_ticks;
  if (is_later(seen, record.last_seen.load(std::memory_order_relaxed))) {
    record.last_seen.store(seen, std::memory_order_relaxed);
  }
  if (record.client_hop.load(std::memory_order_relaxed) != entry.client_hop.word) {
    record.client_hop.store(entry.client_hop.word, std::memory_order_relaxed);
  }
  record.import_epoch.store(import_epoch_, std::memory_order_relaxed);
  record.sync_id.store(entry.sync_id, std::memory_order_relaxed);
  const auto timeout = [&](ConnState s) { return snapshot.timeouts().ticks(record.service, s); };
  // Acquire and the retry: another worker may follow a stray packet of it.
  for (ConnState state = record.state.load(std::memory_order_acquire);
       is_live(state) && state != entry.state;
       state = record.state.load(std::memory_order_acquire)) {
    if (!ConnTable::change_state(record, state, entry.state)) continue;
    count_state(record.rs, state, entry.state);
    if (timeout(entry.state) < timeout(state)) {
      table_.set_deadline(record, seen + timeout(entry.state));
    }
  }
}

ImportOutcome Pipeline::import_end(const SyncEntry& entry, std::uint64_t hash,
                                   const Snapshot& snapshot) {
  const Hit hit = table_.find(entry.tuple, entry.proto, hash);
  if (!hit || hit.dir != 0) return ImportOutcome::unmatched;
  if (!snapshot.services[hit.record->service].standby) return ImportOutcome::kept;
  // Of workers that end and open connections at the same time, news may change places.
  const std::uint16_t id = hit.record->sync_id.load(std::memory_order_relaxed);
  if (id != 0 && id != entry.sync_id) return ImportOutcome::unmatched;
  end_connection(*hit.record);
  return ImportOutcome::ended;
}

// Of the services that it is master of the peer has told all that there is: what came before and
// did not come again is gone there. Connections first, then bound clients.
void Pipeline::sweep(const Snapshot& snapshot) {
  if (!conns_swept_) {
    sweep_cursor_ = table_.walk_all(sweep_cursor_, kSweepSlice, [&](Record& record) {
      const std::uint8_t epoch = record.import_epoch.load(std::memory_order_relaxed);
      if (epoch == 0 || epoch == import_epoch_ || !walked_[record.service]) return;
      if (!snapshot.services[record.service].standby) return;
      if (end_connection(record)) count_import(ImportOutcome::swept);
    });
    conns_swept_ = sweep_cursor_ == 0;
    sweeping_ = !conns_swept_ || persist_.ready();
    return;
  }
  for (std::size_t looks = 0; looks < kSweepSlice; looks += PersistTable::kSlice) {
    sweep_cursor_ = persist_.sweep(sweep_cursor_, sweep_began_, [&](const PersistRow& row) {
      return row.imported && row.epoch != import_epoch_ && walked_[row.service] &&
             snapshot.services[row.service].standby;
    });
    sweeping_ = sweep_cursor_ != 0;
    if (!sweeping_) return;
  }
}

}  // namespace lb
