// From the inventory to the data plane's snapshot, and back for a control plane that starts while
// the data plane runs. Pure functions.
#pragma once

#include <optional>
#include <set>
#include <unordered_map>

#include "controlplane/service/inventory.h"
#include "dataplane/api/snapshot_spec.h"

namespace lb::controlplane {

// `snapshot` is cleared first. The data plane sets its generation.
// `standby`: VIPs of which another director is master. The port has the virtual MAC address of
// instances that are master with one.
void build_snapshot(const Inventory& inventory, const std::set<Address>& standby,
                    SnapshotSpec& snapshot);

// What the data plane runs already.
struct Running {
  struct Server {
    bool healthy = false;  // by its check
    bool unchecked = false;
    std::optional<NextHopSpec> next_hop;

    bool operator==(const Server&) const = default;
  };
  std::unordered_map<RealServerId, Server> servers;
  // Services that use their sorry server, and its next hop.
  std::unordered_map<ServiceId, std::optional<NextHopSpec>> sorry;
};

// Only what is configured.
Running read_snapshot(const SnapshotSpec& snapshot, const Inventory& inventory);

}  // namespace lb::controlplane
