// From a SnapshotSpec to the Snapshot that the workers forward by.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "config/base/result.h"
#include "dataplane/api/snapshot_spec.h"
#include "dataplane/service/snapshot.h"

namespace lb {

// Checks a spec that came from a peer process against the data plane's own ports: duplicate
// services, duplicate real servers, names of ports, limits. One error that names the service and
// real server.
Result<void> check(const SnapshotSpec& spec, const std::vector<PortInfo>& ports);

// In ticks, rounded up.
std::uint32_t to_ticks(std::chrono::milliseconds duration);
TimeoutTicks to_ticks(const ConnTimeouts& timeouts);

// Builds the next snapshot; fails when check() does or when the slots do not suffice. `ports` are
// the data plane's own, by number (name, MAC, MTU): what the spec says of their addresses and MACs
// goes in the place of theirs.
//
// A service is the same as before if its protocol and its first address with its ports are; a real
// server if its service and address:port are; both then keep their slots, and get them back when
// they return while the slot is still kept. A removed real server keeps its slot, `removed` and its
// last next hop (whatever on_server_down says, `reset` follows its service's last setting) for one
// snapshot at least, because workers may still choose it by `previous`, and from then on until
// in_use(slot) is false; so does its service. A slot that gets free is not given to another one in
// the same snapshot.
//
// reset_epoch goes up when a slot that `previous` knew gets `reset` and did not have it for the
// same server; a server that starts its life down has no connections.
//
// `previous` may be null. The caller holds it until this returns, and must have let every worker
// move on to it (a grace period after its publication). Control thread only.
Result<std::unique_ptr<Snapshot>> build_snapshot(
    const SnapshotSpec& spec, const std::vector<PortInfo>& ports, const Snapshot* previous,
    const std::function<bool(std::uint32_t rs_slot)>& in_use);

}  // namespace lb
