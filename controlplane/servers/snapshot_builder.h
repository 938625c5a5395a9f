// From the inventory to what the data plane forwards by, and back for a control plane that starts
// while the data plane runs. Pure functions.
#pragma once

#include <optional>
#include <set>
#include <unordered_map>

#include "controlplane/service/inventory.h"
#include "dataplane/api/snapshot_spec.h"

namespace lb::controlplane {

// `snapshot` is cleared first. Its generation is left for the data plane to set.
// `standby` holds the VIPs of which another director is master. Of the instances that are master
// with a virtual MAC address, the port bears it.
void build_snapshot(const Inventory& inventory, const std::set<Address>& standby,
                    SnapshotSpec& snapshot);

// What a data plane runs already.
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

// Of what is configured.
Running read_snapshot(const SnapshotSpec& snapshot, const Inventory& inventory);

}  // namespace lb::controlplane
