// Clients that stay with their real server: which one that is, and for how long.
//
// A client is bound when its first connection is scheduled, by the workers' common table. While the
// server is fit it gets the client's new connections, also with weight 0, which turns away new
// clients only. The time starts again with each new connection, and as long as an established one
// lives: that is looked after by a walk over the connections, so that nothing is done when one
// ends.
#include <algorithm>

#include "dataplane/forward/pipeline.h"

namespace lb {

namespace {

constexpr std::size_t kKeepSlice = 128;        // records looked at per call
constexpr std::uint32_t kKeepPauseTicks = 50;  // from the beginning of a walk to the next, at least

// In a group the address is what counts.
PersistServer server_of(const Persistence& persistence, const RealServerEntry& rs) {
  return {rs.address, persistence.group.empty() ? rs.port : Be16{}};
}

// Calls visit(slot, server) for those of the service's real servers that `server` means, until it
// returns true; whether it did.
template <typename Visit>
bool any_meant(const Persistence& persistence, const PersistServer& server,
               const RealServerEntry* real_servers, Visit&& visit) {
  const auto& slots = persistence.by_address;
  auto at = std::ranges::lower_bound(slots, server.address.raw, {}, [&](std::uint32_t slot) {
    return real_servers[slot].address.raw;
  });
  for (; at != slots.end() && real_servers[*at].address == server.address; ++at) {
    const RealServerEntry& rs = real_servers[*at];
    if (server_of(persistence, rs) == server && visit(*at, rs)) return true;
  }
  return false;
}

// The fit one, or kNoSlot.
std::uint32_t slot_of(const Persistence& persistence, const PersistServer& server,
                      const RealServerEntry* real_servers) {
  std::uint32_t found = kNoSlot;
  any_meant(persistence, server, real_servers, [&](std::uint32_t slot, const RealServerEntry& rs) {
    if (rs.up) found = slot;
    return found != kNoSlot;
  });
  return found;
}

bool has(const Persistence& persistence, const PersistServer& server,
         const RealServerEntry* real_servers) {
  return any_meant(persistence, server, real_servers,
                   [](std::uint32_t, const RealServerEntry&) { return true; });
}

// Whether a service of the group that is not this one has the server: the client stays with it
// there, and is scheduled here as if it were not bound.
bool is_elsewhere(const Persistence& persistence, const PersistServer& server,
                  const RealServerEntry* real_servers) {
  if (persistence.group.empty()) return false;
  return !has(persistence, server, real_servers) &&
         std::ranges::binary_search(*persistence.group_addresses, server.address.raw);
}

PersistUse use_of(const Persistence& persistence, std::uint32_t service_slot, Be32 client,
                  const RealServerEntry& rs) {
  return {{persistence.scope, persistence.client(client)},
          server_of(persistence, rs),
          service_slot,
          persistence.ticks};
}

}  // namespace

// After the first try the scheduler chooses: the client's port is taken at its server, another
// one has to do for this connection.
std::uint32_t Pipeline::choose_persistent(const Packet& packet, std::uint32_t service_slot,
                                          std::span<const std::uint32_t> tried, const View& view) {
  const ServiceEntry& service = view.snapshot.services[service_slot];
  const Persistence& persistence = service.persistence;
  const PersistKey key{persistence.scope, persistence.client(packet.tuple.src)};
  PersistServer known;
  const bool bound = tried.empty() && persist_.find(key, view.now, known);
  if (bound) {
    const std::uint32_t slot = slot_of(persistence, known, view.real_servers);
    if (slot != kNoSlot) return slot;
  }
  const std::uint32_t picked =
      scheduler_.pick(service, service_slot, packet.tuple, load_, choice_of(service, tried, view));
  if (picked == kNoSlot || !tried.empty()) return picked;
  if (bound && is_elsewhere(persistence, known, view.real_servers)) return picked;
  const PersistUse use =
      use_of(persistence, service_slot, packet.tuple.src, view.real_servers[picked]);
  const PersistServer winner = persist_.claim(use, bound ? &known : nullptr, view.now);
  if (winner == use.server) return picked;
  const std::uint32_t slot = slot_of(persistence, winner, view.real_servers);
  return slot != kNoSlot ? slot : picked;
}

// A connection to the server was made: the client's time starts again.
void Pipeline::stay(const Packet& packet, std::uint32_t service_slot, std::uint32_t rs_slot,
                    const View& view) {
  const Persistence& persistence = view.snapshot.services[service_slot].persistence;
  persist_.renew(
      use_of(persistence, service_slot, packet.tuple.src, view.snapshot.real_servers[rs_slot]),
      view.now);
}

// A slice of a walk over this worker's connections. All have been seen after some seconds, up to
// ten with a million of them.
void Pipeline::keep_persistent(const Snapshot& snapshot, std::uint32_t now) {
  if (keep_cursor_ == 0) {
    if (now - keep_began_ < kKeepPauseTicks) return;
    keep_began_ = now;
  }
  keep_cursor_ = table_.walk(worker_, keep_cursor_, kKeepSlice, [&](Record& record) {
    const ConnState state = record.state.load(std::memory_order_relaxed);
    if (state != ConnState::kEstablished && state != ConnState::kUdp) return;
    const Persistence& persistence = snapshot.services[record.service].persistence;
    if (persistence.ticks == 0) return;
    persist_.confirm(
        use_of(persistence, record.service, record.tuple[0].src, snapshot.real_servers[record.rs]),
        now);
  });
}

// Entries whose time is over: one worker's work, since nobody waits for it.
void Pipeline::sweep_persistent(std::uint32_t now) {
  persist_cursor_ = persist_.sweep(persist_cursor_, now, [](const PersistRow&) { return false; });
}

// What the HA peer tells: as with connections, its word counts while another director is master.
ImportOutcome Pipeline::import_persistence(const SyncEntry& entry, const Snapshot& snapshot,
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
  if (!has(persistence, server, snapshot.real_servers.data())) {
    return ImportOutcome::persistence_unknown;
  }
  const PersistUse use{key, server, service_slot, persistence.ticks};
  const auto imported = persist_.import(use, entry.left_ticks, import_epoch_, service.standby, now);
  return imported == PersistTable::Imported::kTaken ? ImportOutcome::persistence
                                                    : ImportOutcome::persistence_kept;
}

}  // namespace lb
