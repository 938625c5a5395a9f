// Connections and bound clients that the HA peer sends. As long as another director is master of
// the VIP its updates count; a master trusts its own tables, and a late update only adds what is
// not known yet.
#include "dataplane/forward/import.h"

#include <algorithm>
#include <array>

#include "dataplane/forward/path.h"
#include "dataplane/forward/persist.h"
#include "dataplane/forward/tcp_state.h"
#include "dataplane/packet/parse.h"

namespace lb {

namespace {

constexpr std::size_t kSweepSlice = 1024;  // entries read per call

// Until it is looked at: a closed one in the middle of its lifetime, when the master asks its client.
constexpr std::uint32_t first_look(ConnState state, std::uint32_t lifetime) {
  return state == ConnState::kClosed ? lifetime / 2 : lifetime;
}

// Which updates a master still accepts from the former master: a handshake went on
// there, or a new connection came there on the ports of one that is over.
bool is_newer(const SyncEntry& entry, const Record& record, std::uint32_t rs_slot,
              std::uint32_t now) {
  if (entry.state > ConnState::kEstablished) return false;
  const ConnState known = record.state.load(std::memory_order_relaxed);
  if (is_half_open(known)) return record.rs == rs_slot && !is_half_open(entry.state);
  if (!may_be_over(known)) return false;
  // When it was seen last proves nothing: the new one's packets may have come to the old one here.
  const std::uint16_t id = record.sync_id.load(std::memory_order_relaxed);
  return is_half_open(entry.state) || (id != 0 && id != entry.sync_id) ||
         is_later(now - entry.age_ticks, record.last_seen.load(std::memory_order_relaxed));
}

}  // namespace

std::size_t Importer::import(std::span<const SyncEntry> entries, const Snapshot& snapshot,
                             std::uint32_t now) {
  const std::size_t taken = std::min<std::size_t>(entries.size(), kBurst);
  std::array<std::uint64_t, kBurst> hashes;
  for (std::size_t i = 0; i < taken; ++i) {
    hashes[i] = table_.hash(entries[i].tuple, entries[i].proto);
    table_.prefetch_for_write(hashes[i]);
  }
  for (std::size_t i = 0; i < taken; ++i) table_.prefetch_record(table_.probe(hashes[i]));
  for (std::size_t i = 0; i < taken; ++i) {
    const SyncEntry& entry = entries[i];
    switch (entry.kind) {
      case SyncKind::kConn:
      case SyncKind::kProxiedConn:
        count_outcome(import_conn(entry, hashes[i], snapshot, now));
        break;
      case SyncKind::kEnd:
        count_outcome(import_end(entry, hashes[i], snapshot));
        break;
      case SyncKind::kWalkBegin:
        begin_walk();
        break;
      case SyncKind::kWalked:
        set_walked(entry, snapshot);
        break;
      case SyncKind::kPersist:
      case SyncKind::kPersistEnd:
        count_outcome(import_persistence(entry, snapshot, now));
        break;
      case SyncKind::kSynSecret:
        break;  // the main thread's
      case SyncKind::kWalkEnd:
        sweep_ = {Sweep::Step::kConnections, 0, now};
        return i + 1;
    }
  }
  return taken;
}

void Importer::begin_walk() {
  epoch_ = epoch_ == 255 ? 1 : static_cast<std::uint8_t>(epoch_ + 1);
  walked_.assign(walked_.size(), false);
}

void Importer::set_walked(const SyncEntry& entry, const Snapshot& snapshot) {
  const std::uint32_t slot = snapshot.find_service(entry.tuple.dst, entry.tuple.dport, entry.proto);
  if (slot != kNoSlot) walked_[slot] = true;
}

ImportOutcome Importer::import_conn(const SyncEntry& entry, std::uint64_t hash,
                                    const Snapshot& snapshot, std::uint32_t now) {
  const std::uint32_t service_slot =
      snapshot.find_service(entry.tuple.dst, entry.tuple.dport, entry.proto);
  if (service_slot == kNoSlot) return ImportOutcome::unknown_service;
  // As of packets: its replies would be those to a health check of ours.
  const Be32 client = entry.tuple.src;
  if (snapshot.is_held(client) || client == entry.tuple.dst || !is_routable(client)) {
    return ImportOutcome::spoofed_source;
  }
  const std::uint32_t rs_slot =
      snapshot.find_real_server(service_slot, entry.rs_address, entry.rs_port);
  // The peer's own kernel has no connections of ours.
  if (rs_slot == kNoSlot || snapshot.real_servers[rs_slot].next_hop.local) {
    return ImportOutcome::unknown_real_server;
  }
  if (!entry.port_known) return ImportOutcome::unknown_port;
  if (entry.is_proxied() && !table_.can_proxy()) return ImportOutcome::no_syn_proxy;

  const Hit hit = table_.find(entry.tuple, entry.proto, hash);
  if (!hit) return create(entry, hash, rs_slot, snapshot, now);
  if (hit.dir != 0) return ImportOutcome::reply_tuple_taken;
  Record& record = *hit.record;
  if (!snapshot.services[service_slot].standby && !is_newer(entry, record, rs_slot, now)) {
    // The peer has it, too: a walk that ends when we are standby again must not remove it.
    if (record.import_epoch.load(std::memory_order_relaxed) != 0) {
      record.import_epoch.store(epoch_, std::memory_order_relaxed);
    }
    return ImportOutcome::kept;
  }
  if (record.rs == rs_slot && mode_of(record) == static_cast<Mode>(entry.mode) &&
      is_proxied(record) == entry.is_proxied()) {
    update(record, entry, snapshot, now);
    log_late_update(record, snapshot);
    return ImportOutcome::updated;
  }
  conns_.end(record);
  const ImportOutcome outcome = create(entry, hash, rs_slot, snapshot, now);
  return outcome == ImportOutcome::created ? ImportOutcome::replaced : outcome;
}

ImportOutcome Importer::create(const SyncEntry& entry, std::uint64_t hash, std::uint32_t rs_slot,
                               const Snapshot& snapshot, std::uint32_t now) {
  const RealServerEntry& server = snapshot.real_servers[rs_slot];
  const std::uint32_t timeout = snapshot.timeouts().ticks(server.service, entry.state);
  if (entry.age_ticks >= timeout) return ImportOutcome::too_old;
  // To the port that the connection has at the peer, whatever the server's is here.
  NewConn conn =
      connection_on(make_path(entry.tuple, server, entry.rs_port, static_cast<Mode>(entry.mode)));
  conn.rs = rs_slot;
  conn.service = server.service;
  conn.client_hop = table_.hops().look_up(entry.client_hop);
  if (conn.client_hop == HopTable::kNone) return ImportOutcome::hop_table_full;
  conn.proto = entry.proto;
  conn.import_epoch = epoch_;
  conn.sync_id = entry.sync_id;
  // What the handshake needs is over.
  const ProxiedClient client;
  if (entry.is_proxied()) {
    conn.proxied = &client;
    conn.translation = entry.translation;
  }
  const std::uint32_t seen = now - entry.age_ticks;
  if (!conns_.has_room(server.service, snapshot, now)) return ImportOutcome::table_full;
  const ConnTable::Created created =
      conns_.create(conn, hash, entry.state, seen, seen + first_look(entry.state, timeout));
  // A packet made the connection just now: that one stays, and the next updates are for it.
  if (created.hit && !created.is_new) return ImportOutcome::kept;
  if (!created.hit) {
    return created.full ? ImportOutcome::table_full : ImportOutcome::reply_tuple_taken;
  }
  log_late_update(*created.hit.record, snapshot);
  return ImportOutcome::created;
}

// An update that a master accepts may have crossed its own older one, which the peer uses now.
void Importer::log_late_update(const Record& record, const Snapshot& snapshot) {
  if (snapshot.services[record.service].exported()) conns_.log_change(record);
}

void Importer::update(Record& record, const SyncEntry& entry, const Snapshot& snapshot,
                      std::uint32_t now) {
  const std::uint32_t seen = now - entry.age_ticks;
  if (is_later(seen, record.last_seen.load(std::memory_order_relaxed))) {
    record.last_seen.store(seen, std::memory_order_relaxed);
  }
  HopTable& hops = table_.hops();
  if (hops.at(record.client_hop.load(std::memory_order_relaxed)) != entry.client_hop) {
    const std::uint32_t hop = hops.look_up(entry.client_hop);
    // Release: as for a packet's.
    if (hop != HopTable::kNone) record.client_hop.store(hop, std::memory_order_release);
  }
  record.import_epoch.store(epoch_, std::memory_order_relaxed);
  record.sync_id.store(entry.sync_id, std::memory_order_relaxed);
  // The packets went by there.
  for (unsigned dir = 0; dir < 2; ++dir) set_progress(record, dir, Progress());
  if (entry.is_proxied()) table_.proxied(record).set(entry.translation);
  const auto timeout = [&](ConnState s) { return snapshot.timeouts().ticks(record.service, s); };
  // Acquire and the retry: another worker may follow a stray packet of it.
  for (ConnState state = record.state.load(std::memory_order_acquire);
       is_live(state) && state != entry.state;
       state = record.state.load(std::memory_order_acquire)) {
    if (!conns_.change_state(record, state, entry.state)) continue;
    if (timeout(entry.state) < timeout(state)) {
      conns_.set_deadline(record, seen + first_look(entry.state, timeout(entry.state)));
    }
  }
}

ImportOutcome Importer::import_end(const SyncEntry& entry, std::uint64_t hash,
                                   const Snapshot& snapshot) {
  const Hit hit = table_.find(entry.tuple, entry.proto, hash);
  if (!hit || hit.dir != 0) return ImportOutcome::unmatched;
  if (!snapshot.services[hit.record->service].standby) return ImportOutcome::kept;
  // Workers that end and open connections at the same time may send their updates in either order.
  const std::uint16_t id = hit.record->sync_id.load(std::memory_order_relaxed);
  if (id != 0 && id != entry.sync_id) return ImportOutcome::unmatched;
  conns_.end(*hit.record);
  return ImportOutcome::ended;
}

ImportOutcome Importer::import_persistence(const SyncEntry& entry, const Snapshot& snapshot,
                                           std::uint32_t now) {
  const std::uint32_t service_slot =
      snapshot.find_service(entry.tuple.dst, entry.tuple.dport, entry.proto);
  if (service_slot == kNoSlot || !persist_.ready()) return ImportOutcome::persistence_unknown;
  const ServiceEntry& service = snapshot.services[service_slot];
  const Persistence& persistence = service.persistence;
  if (persistence.ticks == 0) return ImportOutcome::persistence_unknown;
  const PersistKey key{persistence.scope, persistence.client(entry.tuple.src)};
  if (entry.kind == SyncKind::kPersistEnd) {
    if (!service.standby) return ImportOutcome::persistence_kept;
    return persist_.remove(key) ? ImportOutcome::persistence_ended : ImportOutcome::unmatched;
  }
  const PersistServer server{entry.rs_address, entry.rs_port};
  if (!has_server(persistence, server, snapshot.real_servers.data())) {
    return ImportOutcome::persistence_unknown;
  }
  const PersistUse use{key, server, service_slot, persistence.ticks};
  const auto imported = persist_.import(use, entry.left_ticks, epoch_, service.standby, now);
  return imported == PersistTable::Imported::kTaken ? ImportOutcome::persistence
                                                    : ImportOutcome::persistence_kept;
}

// The peer has sent everything of the services that it was master of all the while: what came from
// it before and was not part of the walk has ended there.
void Importer::sweep(const Snapshot& snapshot) {
  switch (sweep_.step) {
    case Sweep::Step::kConnections:
      return sweep_connections(snapshot);
    case Sweep::Step::kClients:
      return sweep_clients(snapshot);
    case Sweep::Step::kNone:
      return;
  }
}

void Importer::sweep_connections(const Snapshot& snapshot) {
  sweep_.cursor = table_.walk_all(sweep_.cursor, kSweepSlice, [&](Record& record) {
    const std::uint8_t epoch = record.import_epoch.load(std::memory_order_relaxed);
    if (epoch == 0 || epoch == epoch_ || !walked_[record.service]) return;
    if (!snapshot.services[record.service].standby) return;
    if (conns_.end(record)) count_outcome(ImportOutcome::swept);
  });
  if (sweep_.cursor != 0) return;
  sweep_.step = persist_.ready() ? Sweep::Step::kClients : Sweep::Step::kNone;
}

void Importer::sweep_clients(const Snapshot& snapshot) {
  for (std::size_t looks = 0; looks < kSweepSlice; looks += PersistTable::kSlice) {
    sweep_.cursor = persist_.sweep(sweep_.cursor, sweep_.began, [&](const PersistRow& row) {
      return row.imported && row.epoch != epoch_ && walked_[row.service] &&
             snapshot.services[row.service].standby;
    });
    if (sweep_.cursor != 0) continue;
    sweep_.step = Sweep::Step::kNone;
    return;
  }
}

}  // namespace lb
