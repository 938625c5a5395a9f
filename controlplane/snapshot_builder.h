// From the configuration, the states of the real servers and their next hops to what the data plane
// forwards by, and back for a control plane that starts while the data plane runs.
// Pure functions.
#pragma once

#include <compare>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "config/model.h"
#include "dataplane/api/snapshot_spec.h"

namespace lb::controlplane {

// A real server or the sorry server of a service, whatever the service's name is.
struct RealServerKey {
  Protocol protocol;
  Ipv4EndpointRange vip;  // the first
  Ipv4Endpoint address;

  auto operator<=>(const RealServerKey&) const = default;
};
RealServerKey key_of(const config::Service& service, Ipv4Endpoint server);

struct RealServerState {
  bool up = false;
  bool unchecked = false;  // down, but the connections that it has are left alone
  std::optional<NextHopSpec> next_hop;
  std::optional<std::uint16_t> weight = {};  // in effect; nullopt: as it is configured
  std::optional<bool> healthy = {};          // by its check, where that is not what `up` says
  bool end = false;                          // the connections that it has end

  bool operator==(const RealServerState&) const = default;
};

struct ServiceInEffect {
  Scheduler scheduler;
  RealServerState sorry;  // of its sorry server, if it has one
};

using ServiceStateOf = std::function<ServiceInEffect(const config::Service&)>;
using StateOf = std::function<RealServerState(const config::Service&, const config::RealServer&)>;

// `snapshot` is cleared first. Its generation is left for the data plane to set.
// `standby` holds the VIPs of which another director is master. Of the instances that are master
// with a virtual MAC address, the port bears it. Without `service_state_of` all is as configured,
// and no sorry server told of.
void build_snapshot(const config::Config& config, const std::set<Ipv4Address>& standby,
                    const StateOf& state_of, SnapshotSpec& snapshot,
                    const ServiceStateOf& service_state_of = {});

// What a data plane runs now.
std::map<RealServerKey, RealServerState> read_snapshot(const SnapshotSpec& snapshot);

}  // namespace lb::controlplane
