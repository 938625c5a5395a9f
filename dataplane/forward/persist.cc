// Clients that stay with their real server: which server that is, and for how long.
//
// A client is bound when its first connection is scheduled, by the workers' common table. While the
// server is fit it gets the client's new connections, also with weight 0, which turns away new
// clients only. The time starts again with each new connection, and lasts as long as an established
// one lives: persistence_keeper.h sees to that, so that nothing is done when one ends.
#include "dataplane/forward/persist.h"

#include <algorithm>

#include "dataplane/forward/pipeline.h"

namespace lb {

namespace {

// In a group the address is what counts.
PersistServer server_of(const Persistence& persistence, const RealServerEntry& rs) {
  return {rs.address, persistence.group.empty() ? rs.port : Be16{}};
}

// Calls visit(slot, server) for those of the service's real servers that `server` names, until it
// returns true; whether it did.
template <typename Visit>
bool any_named(const Persistence& persistence, const PersistServer& server,
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

// Whether a service of the group that is not this one has the server: the client stays with it
// there, and is scheduled here as if it were not bound.
bool is_elsewhere(const Persistence& persistence, const PersistServer& server,
                  const RealServerEntry* real_servers) {
  if (persistence.group.empty()) return false;
  return !has_server(persistence, server, real_servers) &&
         std::ranges::binary_search(*persistence.group_addresses, server.address.raw);
}

}  // namespace

PersistUse persist_use(const Persistence& persistence, std::uint32_t service_slot, Be32 client,
                       const RealServerEntry& rs) {
  return {{persistence.scope, persistence.client(client)},
          server_of(persistence, rs),
          service_slot,
          persistence.ticks};
}

std::uint32_t find_up(const Persistence& persistence, const PersistServer& server,
                      const RealServerEntry* real_servers) {
  std::uint32_t found = kNoSlot;
  any_named(persistence, server, real_servers, [&](std::uint32_t slot, const RealServerEntry& rs) {
    if (rs.up) found = slot;
    return found != kNoSlot;
  });
  return found;
}

bool has_server(const Persistence& persistence, const PersistServer& server,
                const RealServerEntry* real_servers) {
  return any_named(persistence, server, real_servers,
                   [](std::uint32_t, const RealServerEntry&) { return true; });
}

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
    const std::uint32_t slot = find_up(persistence, known, view.real_servers);
    if (slot != kNoSlot) return slot;
  }
  const std::uint32_t picked =
      scheduler_.pick(service, service_slot, packet.tuple, load_, choice_of(service, tried, view));
  if (picked == kNoSlot || !tried.empty()) return picked;
  if (bound && is_elsewhere(persistence, known, view.real_servers)) return picked;
  const PersistUse use =
      persist_use(persistence, service_slot, packet.tuple.src, view.real_servers[picked]);
  const PersistServer winner = persist_.claim(use, bound ? &known : nullptr, view.now);
  if (winner == use.server) return picked;
  const std::uint32_t slot = find_up(persistence, winner, view.real_servers);
  return slot != kNoSlot ? slot : picked;
}

// A connection to the server was made: the client's time starts again.
void Pipeline::stay(const Packet& packet, std::uint32_t service_slot, std::uint32_t rs_slot,
                    const View& view) {
  const Persistence& persistence = view.snapshot.services[service_slot].persistence;
  persist_.renew(
      persist_use(persistence, service_slot, packet.tuple.src, view.snapshot.real_servers[rs_slot]),
      view.now);
}

}  // namespace lb
