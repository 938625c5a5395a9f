// How services and real servers are named in the table of bound clients (dataplane/persist). Pure.
#pragma once

#include <cstdint>

#include "dataplane/persist/table.h"
#include "dataplane/service/snapshot.h"

namespace lb {

PersistUse persist_use(const Persistence& persistence, std::uint32_t service_slot, Be32 client,
                       const RealServerEntry& rs);

// The real server of the service that is up and that `server` names, or kNoSlot. `real_servers` by
// slot.
std::uint32_t find_up(const Persistence& persistence, const PersistServer& server,
                      const RealServerEntry* real_servers);

// Whether the service has such a real server, up or not.
bool has_server(const Persistence& persistence, const PersistServer& server,
                const RealServerEntry* real_servers);

}  // namespace lb
