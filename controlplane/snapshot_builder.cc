#include "controlplane/snapshot_builder.h"

#include <utility>

#include "controlplane/topology.h"

namespace lb::controlplane {
namespace {

void put_own(const std::vector<Ipv4Prefix>& addresses, SnapshotSpec& snapshot) {
  for (const Ipv4Prefix& own : addresses) snapshot.own_addresses.push_back(own.address);
}

// Equal lists are kept once.
class AccessLists {
 public:
  SharedAccessList of(const config::Access& access) {
    if (!access.any()) return {};
    AccessListSpec list;
    for (const auto* prefixes : {&access.allow, &access.allow_listed}) {
      list.allow.insert(list.allow.end(), prefixes->begin(), prefixes->end());
    }
    for (const auto* prefixes : {&access.deny, &access.deny_listed}) {
      list.deny.insert(list.deny.end(), prefixes->begin(), prefixes->end());
    }
    list.others = access.allow.empty() && access.allow_file.empty();
    return *known_.emplace(std::move(list)).first;
  }

 private:
  std::set<SharedAccessList> known_;
};

RealServerSpec spec_of(const config::RealServer& from, const RealServerState& state) {
  RealServerSpec to;
  to.address = from.address;
  to.weight = state.weight.value_or(from.weight);
  to.max_connections = from.max_connections;
  to.resume_connections = from.resume_connections;
  to.up = state.up;
  if (state.healthy != state.up) to.healthy = state.healthy;
  to.keep_connections = state.unchecked;
  to.end_connections = state.end;
  to.next_hop = state.next_hop;
  return to;
}

// RFC 9568 section 7.3: 00-00-5E-00-01-{VRID}.
PortMacSpec virtual_mac(const config::Config& config, const config::HaInstance& instance) {
  PortMacSpec to;
  for (const Interface& interface : interfaces_of(config)) {
    if (interface.name == instance.port) to.port = interface.port;
  }
  to.mac.bytes = {0, 0, 0x5e, 0, 1, instance.virtual_router_id};
  return to;
}

}  // namespace

RealServerKey key_of(const config::Service& service, Ipv4Endpoint server) {
  return {service.protocol, service.addresses.front(), server};
}

void build_snapshot(const config::Config& config, const std::set<Ipv4Address>& standby,
                    const StateOf& state_of, SnapshotSpec& snapshot,
                    const ServiceStateOf& service_state_of) {
  snapshot = {};
  for (const Interface& interface : interfaces_of(config)) {
    put_own(interface.addresses, snapshot);
    if (interface.addresses.empty()) continue;
    snapshot.port_addresses.push_back(
        {interface.port, interface.vlan, interface.addresses.front().address});
  }
  AccessLists lists;
  for (const config::Service& service : config.services) {
    ServiceSpec& to = snapshot.services.emplace_back();
    static_cast<ServiceSettings&>(to) = service;
    to.access = lists.of(service.access);
    // All its VIPs move together.
    to.standby = standby.contains(service.primary_endpoint().address);
    for (const config::RealServer& server : service.real_servers) {
      to.real_servers.push_back(spec_of(server, state_of(service, server)));
    }
    if (!service_state_of) continue;
    const ServiceInEffect in_effect = service_state_of(service);
    to.scheduler = in_effect.scheduler;
    if (!service.sorry_server) continue;
    config::RealServer sorry;
    sorry.address = service.sorry_server->address;
    to.real_servers.push_back(spec_of(sorry, in_effect.sorry));
    to.real_servers.back().mode = service.sorry_server->mode;
  }
  snapshot.timeouts = config.dataplane.timeouts;
  for (const config::HaInstance& instance : config.ha.instances) {
    put_own(instance.addresses, snapshot);
    if (!instance.virtual_mac || standby.contains(instance.addresses.front().address)) continue;
    snapshot.port_macs.push_back(virtual_mac(config, instance));
  }
}

std::map<RealServerKey, RealServerState> read_snapshot(const SnapshotSpec& snapshot) {
  std::map<RealServerKey, RealServerState> states;
  for (const ServiceSpec& service : snapshot.services) {
    if (service.addresses.empty()) continue;
    for (const RealServerSpec& server : service.real_servers) {
      RealServerState& state =
          states[{service.protocol, service.addresses.front(), server.address}];
      state.up = server.up;
      state.unchecked = server.keep_connections;
      state.next_hop = server.next_hop;
      state.healthy = server.healthy;
    }
  }
  return states;
}

}  // namespace lb::controlplane
