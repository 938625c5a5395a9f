#include "dataplane/sync/exporter.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dataplane/sync/refresh.h"

namespace lb {
namespace {

// Records read per fill() and stage, so that the main thread is not blocked.
constexpr std::uint32_t kMaxScan = 65'536;
constexpr std::size_t kAhead = 8;  // records that come into the cache while others are read
constexpr std::uint32_t kWalkAgainAfter = 100;  // ticks between two walks for lost ends

// Connections created here are exported even when another director is master now: this may be the
// only copy, as of a connection that was established just before the switch.
bool is_exported(const ServiceEntry& service, const ConnTable::Copy& conn) {
  return service.sync && !(service.standby && conn.imported);
}

std::uint32_t stamp_of(const ConnTable::Copy& conn) {
  return conn.generation << 4 | static_cast<std::uint32_t>(conn.state);
}

SyncEntry entry_of(const ConnTable::Copy& conn, std::uint32_t index, std::uint32_t now) {
  SyncEntry entry;
  entry.proto = conn.proto;
  entry.tuple = conn.tuple[0];
  entry.sync_id = sync_id_of({index, conn.generation});
  entry.mode = conn.mode;
  // To be confirmed at the peer, as here.
  entry.state = conn.state == ConnState::kHandshake ? ConnState::kSynReceived : conn.state;
  entry.rs_address = conn.tuple[1].src;
  entry.rs_port = conn.tuple[1].sport;
  // A worker may be a tick ahead of us.
  entry.age_ticks = is_later(conn.last_seen, now) ? 0 : now - conn.last_seen;
  entry.client_hop = conn.client_hop;
  if (conn.proxied) {
    entry.kind = SyncKind::kProxiedConn;
    entry.translation = conn.translation;
  }
  return entry;
}

}  // namespace

Exporter::Exporter(const ConnTable& table, std::span<ChangeLog* const> logs, RangeMarks& marks,
                   PersistTable& persist, const SynSecrets& syn_secrets)
    : table_(table),
      logs_(logs.begin(), logs.end()),
      marks_(marks),
      persist_(persist),
      syn_secrets_(syn_secrets) {}

void Exporter::begin() {
  persist_.end_export();
  persist_.begin_export();
  exported_.assign(table_.records(), 0);
  lost_ends_seen_ = 0;
  for (ChangeLog* log : logs_) {
    log->turn(true);
    // What was logged for the peer before.
    log->changed_ring().pop(log->changed_ring().waiting());
    log->ended_ring().pop(log->ended_ring().waiting());
    lost_ends_seen_ += log->lost_ends();
  }
  marked_.clear();
  marked_at_ = 0;
  walk_due_ = peer_lacks_ = true;
  walk_began_.reset();
  walking_ = false;
  leaving_.reset();
  roles_generation_.reset();
  secrets_sent_.reset();
  on_ = true;
}

void Exporter::end() {
  for (ChangeLog* log : logs_) log->turn(false);
  persist_.end_export();
  on_ = false;
}

Exporter::Fill Exporter::fill(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot,
                              std::uint32_t now) {
  Fill result;
  if (!on_) return result;
  update_roles(snapshot, now);
  if (walk_due_ && !walking_ && (!walk_began_ || now - *walk_began_ >= kWalkAgainAfter)) {
    begin_walk(batch);
    walk_began_ = now;
    result.walk_begin = std::exchange(peer_lacks_, false);
  }
  if (snapshot.any_syn_proxy) fill_secrets(batch);
  fill_ended(batch, max_bytes, snapshot);
  // A walk has half of the room at least: it ends also when changes never do.
  const std::size_t reserve = walking_ || !marked_.empty() || marks_.any() ? max_bytes / 2 : 0;
  const bool changes_left = fill_changed(batch, max_bytes - reserve, snapshot, now);
  fill_persistence(batch, max_bytes, snapshot, now);
  fill_marked(batch, max_bytes, snapshot, now);
  if (leaving(now)) fill_half_open(batch, max_bytes, snapshot, now);
  if (walking_) {
    result.walk_end = fill_walk(batch, max_bytes, snapshot, now) && !peer_lacks_;
  } else {
    fill_refresh(batch, max_bytes, snapshot, now);
  }
  result.more = changes_left || walking_ || peer_lacks_ || !marked_.empty() || marks_.any() ||
                (leaving(now) && leaving_->at < table_.records()) ||
                batch.size() >= max_bytes - reserve;
  return result;
}

// A new master exports everything again: as standby it did not export what came from the old
// master, which may have lost it.
void Exporter::update_roles(const Snapshot& snapshot, std::uint32_t now) {
  if (roles_generation_ == snapshot.generation) return;
  const bool first = !roles_generation_;
  roles_generation_ = snapshot.generation;
  roles_.resize(snapshot.services.size());
  walked_.resize(snapshot.services.size());
  for (std::size_t slot = 0; slot < roles_.size(); ++slot) {
    const ServiceEntry& service = snapshot.services[slot];
    const Role role = !service.configured  ? Role::kNone
                      : service.exported() ? Role::kExported
                                           : Role::kSilent;
    const Role before = std::exchange(roles_[slot], role);
    if (role != Role::kExported) walked_[slot] = false;
    if (!first && before == Role::kExported && role == Role::kSilent) leaving_ = {now, now, 0};
    if (first || before != Role::kSilent || role != Role::kExported) continue;
    walk_due_ = peer_lacks_ = true;
    walk_began_.reset();  // at once
  }
}

// Workers log no half-open connections: they are searched for, once a tick.
void Exporter::fill_half_open(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot,
                              std::uint32_t now) {
  const std::uint32_t records = table_.records();
  if (leaving_->at == records && leaving_->scan_began != now) {
    leaving_->scan_began = now;
    leaving_->at = 0;
  }
  const std::uint32_t end = leaving_->at + std::min(kMaxScan, records - leaving_->at);
  for (; leaving_->at < end && batch.size() < max_bytes; ++leaving_->at) {
    if (leaving_->at + kAhead < end) table_.prefetch_record_at(leaving_->at + kAhead);
    add(batch, leaving_->at, Why::kHalfOpen, snapshot, now);
  }
}

void Exporter::begin_walk(std::string& batch) {
  append_mark(batch, SyncKind::kWalkBegin);
  for (std::size_t slot = 0; slot < roles_.size(); ++slot) {
    walked_[slot] = roles_[slot] == Role::kExported;
  }
  walk_due_ = false;
  walking_ = true;
  walk_at_ = 0;
  persist_walked_ = !persist_.ready();
  persist_at_ = 0;
  ++counters_.walks;
}

void Exporter::end_walk(std::string& batch, const Snapshot& snapshot, std::uint32_t now) {
  for (std::size_t slot = 0; slot < walked_.size(); ++slot) {
    if (!walked_[slot]) continue;
    const auto name = snapshot.name_of_service(static_cast<std::uint32_t>(slot));
    if (!name) continue;  // it has no connections for the peer
    SyncEntry entry;
    entry.kind = SyncKind::kWalked;
    entry.proto = snapshot.services[slot].proto;
    entry.tuple.dst = name->address.be;
    entry.tuple.dport = Be16::from_host(name->port);
    append(batch, entry);
  }
  append_mark(batch, SyncKind::kWalkEnd);
  walking_ = false;
  walk_at_ = 0;
  // Active ones were sent just now.
  refreshed_tick_ = now;
  refresh_credit_ = 0;
}

// In use some seconds later (SynSecrets), so that the peer accepts the first cookie of each.
void Exporter::fill_secrets(std::string& batch) {
  if (secrets_sent_ == syn_secrets_.version()) return;
  secrets_sent_ = syn_secrets_.version();
  for (unsigned number = 0; number < SynSecrets::kSecrets; ++number) {
    SyncEntry entry;
    entry.kind = SyncKind::kSynSecret;
    entry.secret = static_cast<std::uint8_t>(number);
    entry.key = syn_secrets_.own(number);
    append(batch, entry);
  }
}

void Exporter::fill_ended(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot) {
  std::uint64_t lost = 0;
  for (ChangeLog* log : logs_) {
    SpscRing<EndedConn>& ring = log->ended_ring();
    const std::size_t waiting = ring.waiting();
    std::size_t taken = 0;
    for (; taken < waiting && batch.size() < max_bytes; ++taken) {
      if (taken + kAhead < waiting) {
        __builtin_prefetch(&exported_[ring.peek(taken + kAhead).handle.index]);
      }
      const EndedConn& conn = ring.peek(taken);
      if (!peer_may_have(conn)) continue;
      const std::uint32_t service =
          snapshot.find_service(conn.tuple.dst, conn.tuple.dport, conn.proto);
      if (service == kNoSlot || !snapshot.services[service].exported()) continue;
      SyncEntry entry;
      entry.kind = SyncKind::kEnd;
      entry.proto = conn.proto;
      entry.tuple = conn.tuple;
      entry.sync_id = sync_id_of(conn.handle);
      append(batch, entry);
      ++counters_.ended;
    }
    ring.pop(taken);
    lost += log->lost_ends();
  }
  // The peer may have some that are gone: only a whole walk removes them.
  if (lost != lost_ends_seen_) walk_due_ = true;
  lost_ends_seen_ = lost;
}

// Whether the peer may hold the connection that ended. It does not when it came and went since the
// last batch.
bool Exporter::peer_may_have(const EndedConn& conn) const {
  return conn.of_peer || (exported_[conn.handle.index] ^ conn.handle.generation << 4) >> 4 == 0;
}

// True: some of what waited is left.
bool Exporter::fill_changed(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot,
                            std::uint32_t now) {
  bool left = false;
  for (ChangeLog* log : logs_) {
    SpscRing<Handle>& ring = log->changed_ring();
    const std::size_t waiting = ring.waiting();
    const std::size_t most = std::min<std::size_t>(waiting, kMaxScan);
    std::size_t taken = 0;
    for (; taken < most && batch.size() < max_bytes; ++taken) {
      if (taken + kAhead < waiting) {
        const std::uint32_t ahead = ring.peek(taken + kAhead).index;
        table_.prefetch_record_at(ahead);
        __builtin_prefetch(&exported_[ahead], 1);
      }
      add(batch, ring.peek(taken).index, Why::kChanged, snapshot, now);
    }
    ring.pop(taken);
    left |= taken < waiting;
  }
  return left;
}

// Ranges that met a full ring. One that is marked again while it is on the list waits until the
// list is done: so the list is never longer than the table.
void Exporter::fill_marked(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot,
                           std::uint32_t now) {
  if (marked_.empty() && marks_.take_any()) {
    for (std::uint32_t range = 0; range < marks_.ranges(); ++range) {
      if (marks_.take(range)) marked_.push_back(range);
    }
  }
  for (std::uint32_t scanned = 0;
       !marked_.empty() && scanned < kMaxScan && batch.size() < max_bytes; ++scanned) {
    const std::uint32_t index = marked_.back() * RangeMarks::kRange + marked_at_;
    if (index < table_.records()) add(batch, index, Why::kRange, snapshot, now);
    if (++marked_at_ == RangeMarks::kRange) {
      marked_at_ = 0;
      marked_.pop_back();
    }
  }
}

// True: the walk is over.
bool Exporter::fill_walk(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot,
                         std::uint32_t now) {
  const std::uint32_t records = table_.records();
  const std::uint32_t end = std::min(records, walk_at_ + std::min(kMaxScan, records - walk_at_));
  for (; walk_at_ < end && batch.size() < max_bytes; ++walk_at_) {
    if (walk_at_ + kAhead < end) table_.prefetch_record_at(walk_at_ + kAhead);
    add(batch, walk_at_, Why::kWalk, snapshot, now);
  }
  if (walk_at_ < records) return false;
  if (!persist_walked_) fill_persistence_walk(batch, max_bytes, snapshot, now);
  if (!persist_walked_) return false;
  end_walk(batch, snapshot, now);
  return true;
}

void Exporter::fill_refresh(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot,
                            std::uint32_t now) {
  const std::uint32_t records = table_.records();
  refresh_period_ = round_ticks(snapshot);
  const std::uint32_t elapsed = std::min(now - refreshed_tick_, refresh_period_);
  refreshed_tick_ = now;
  refresh_credit_ += (std::uint64_t{records} * elapsed << 16) / refresh_period_;
  refresh_credit_ = std::min(refresh_credit_, std::uint64_t{records} << 16);
  for (std::uint32_t scanned = 0;
       refresh_credit_ >= 1 << 16 && scanned < kMaxScan && batch.size() < max_bytes; ++scanned) {
    refresh_credit_ -= 1 << 16;
    add(batch, refresh_at_, Why::kRefresh, snapshot, now);
    if (++refresh_at_ < records) continue;
    refresh_at_ = 0;
    ++refresh_round_;
  }
}

// Whether the peer must be sent that the connection is active. States with long lifetimes are sent
// in some rounds only, each connection in its own.
bool Exporter::refresh_due(std::uint32_t index, const ConnTable::Copy& conn,
                           const Snapshot& snapshot, std::uint32_t now) const {
  const std::uint32_t ticks = refresh_ticks(snapshot.timeouts().ticks(conn.service, conn.state));
  const std::uint32_t rounds = std::max(ticks / refresh_period_, 1U);
  return (index + refresh_round_) % rounds == 0 && !is_later(now, conn.last_seen + ticks + 1);
}

// What has changed, also what was flushed.
void Exporter::fill_persistence(std::string& batch, std::size_t max_bytes, const Snapshot& snapshot,
                                std::uint32_t now) {
  std::array<PersistRow, PersistTable::kSlice> rows;
  for (std::size_t count = rows.size(); count == rows.size() && batch.size() < max_bytes;) {
    count = persist_.take_changed(rows);
    for (std::size_t i = 0; i < count; ++i) add_persistence(batch, rows[i], snapshot, now);
  }
}

void Exporter::fill_persistence_walk(std::string& batch, std::size_t max_bytes,
                                     const Snapshot& snapshot, std::uint32_t now) {
  std::array<PersistRow, PersistTable::kSlice> rows;
  for (std::uint32_t scanned = 0; scanned < kMaxScan && batch.size() < max_bytes;
       scanned += rows.size()) {
    const std::size_t count = persist_.read(persist_at_, now, rows);
    for (std::size_t i = 0; i < count; ++i) add_persistence(batch, rows[i], snapshot, now);
    if (persist_at_ == 0) {
      persist_walked_ = true;
      return;
    }
  }
}

void Exporter::add_persistence(std::string& batch, const PersistRow& row, const Snapshot& snapshot,
                               std::uint32_t now) {
  if (row.service >= snapshot.services.size()) return;
  const ServiceEntry& service = snapshot.services[row.service];
  if (service.persistence.scope != row.key.scope || !service.sync) return;
  if (service.standby && row.imported) return;
  if (!row.ended && !is_later(row.expires, now)) return;
  SyncEntry entry;
  entry.kind = row.ended ? SyncKind::kPersistEnd : SyncKind::kPersist;
  entry.proto = service.proto;
  entry.tuple.src = row.key.client;
  entry.tuple.dst = service.address;
  entry.tuple.dport = service.port;
  entry.rs_address = row.server.address;
  entry.rs_port = row.server.port;
  entry.left_ticks = row.ended ? 0 : row.expires - now;
  append(batch, entry);
}

// Appends the record's connection unless the peer needs no update.
bool Exporter::add(std::string& batch, std::uint32_t index, Why why, const Snapshot& snapshot,
                   std::uint32_t now) {
  ConnTable::Copy conn;
  if (!table_.read(index, conn)) return false;
  if (conn.state == ConnState::kUdpUnanswered) return false;
  // The kernel's own, which no other has.
  if (snapshot.real_servers[conn.rs].next_hop.local) return false;
  const ServiceEntry& service = snapshot.services[conn.service];
  const std::uint32_t stamp = stamp_of(conn);
  if (is_half_open(conn.state) != (why == Why::kHalfOpen)) {
    // It was reopened: the state that was sent last may come again, and must be sent then.
    if (is_half_open(conn.state) && exported_[index] >> 4 == stamp >> 4) exported_[index] &= ~0xfU;
    return false;
  }
  switch (why) {
    case Why::kChanged:
    case Why::kRange:
      if (!is_exported(service, conn) || exported_[index] == stamp) return false;
      break;
    case Why::kWalk:
      if (!is_exported(service, conn)) return false;
      break;
    case Why::kRefresh:
      if (!service.exported()) return false;
      if (exported_[index] == stamp && !refresh_due(index, conn, snapshot, now)) return false;
      break;
    case Why::kHalfOpen:
      // A proxied one is made anew by its client's next segment, which has the cookie.
      if (conn.proxied || !service.standby || !is_exported(service, conn) ||
          exported_[index] == stamp)
        return false;
      break;
  }
  exported_[index] = stamp;
  append(batch, entry_of(conn, index, now));
  ++(why == Why::kChanged   ? counters_.changed
     : why == Why::kRefresh ? counters_.refreshed
                            : counters_.walked);
  return true;
}

Exporter::Counters Exporter::counters() const {
  Counters all = counters_;
  for (const ChangeLog* log : logs_) {
    all.lost += log->lost();
    all.lost_ends += log->lost_ends();
  }
  return all;
}

std::uint64_t Exporter::pending() const {
  std::uint64_t all = 0;
  for (const ChangeLog* log : logs_) {
    all += log->changed_ring().waiting() + log->ended_ring().waiting();
  }
  return all;
}

}  // namespace lb
