#include "controlplane/servers/snapshot_builder.h"

#include <utility>

#include "controlplane/network/topology.h"

namespace lb::controlplane {
namespace {

void put_own(const std::vector<Prefix>& addresses, bool held, SnapshotSpec& snapshot) {
  for (const Prefix& own : addresses) {
    snapshot.own_addresses.push_back(own.address);
    if (held) snapshot.held_addresses.push_back(own.address);
  }
}

// The broadcast addresses of subnets: nobody sends from them.
void put_broadcast(const std::vector<Prefix>& addresses, SnapshotSpec& snapshot) {
  for (const Prefix& own : addresses) {
    if (own.address.is_ipv4() && own.length < 31) snapshot.held_addresses.push_back(own.last());
  }
}

void put_policies(const config::Config& config, SnapshotSpec& snapshot) {
  for (const config::Port& port : config.ports) {
    PortPolicySpec& to = snapshot.port_policies.emplace_back();
    to.port = port.name;
    for (const config::Vlan& vlan : port.vlans) to.vlans.push_back(vlan.id);
    to.anti_spoof = port.anti_spoof;
    to.clients_from_other_ports = port.clients_from_other_ports;
  }
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

// The agent's limit; 0: the configured one. With one_packet there are no connections to count.
std::uint32_t limit_by_agent(const RealServer& server) {
  if (!server.health || server.service->config->one_packet) return 0;
  return server.health->agent.max_connections;
}

RealServerSpec spec_of(const RealServer& from) {
  const ServerDecision& decision = from.decision;
  RealServerSpec to;
  to.address = from.config->address;
  to.weight = decision.weight;
  to.max_connections = from.config->max_connections;
  to.resume_connections = from.config->resume_connections;
  if (const std::uint32_t limit = limit_by_agent(from); limit != 0) {
    to.max_connections = limit;
    to.resume_connections = config::default_resume_connections(limit);
  }
  to.up = decision.up;
  if (from.up() != decision.up) to.healthy = from.up();
  to.keep_connections = decision.unchecked;
  to.end_connections = decision.end;
  to.next_hop = from.next_hop;
  return to;
}

// Its connections continue when it is no longer used.
RealServerSpec sorry_spec(const Service& from, const config::SorryServer& stand_in) {
  RealServerSpec to;
  to.address = stand_in.address;
  to.mode = stand_in.mode;
  to.up = from.decision.sorry;
  to.keep_connections = !from.decision.sorry;
  to.local = stand_in.is_local();
  if (to.local) {
    to.mode = Mode::kDr;
  } else {
    to.next_hop = from.sorry_next_hop;
  }
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

void build_snapshot(const Inventory& inventory, const std::set<Address>& standby,
                    SnapshotSpec& snapshot) {
  const config::Config& config = *inventory.config();
  snapshot = {};
  for (const Interface& interface : interfaces_of(config)) {
    put_own(interface.addresses, true, snapshot);
    put_broadcast(interface.addresses, snapshot);
    if (interface.addresses.empty()) continue;
    snapshot.port_addresses.push_back(
        {interface.port, interface.vlan, interface.addresses.front().address});
  }
  put_policies(config, snapshot);
  AccessLists lists;
  for (const Service& service : inventory.services()) {
    ServiceSpec& to = snapshot.services.emplace_back();
    static_cast<ServiceSettings&>(to) = *service.config;
    to.scheduler = service.decision.scheduler;
    to.access = lists.of(service.config->access);
    // All its VIPs move together.
    to.standby = standby.contains(service.key.vip.address);
    for (const RealServer& server : service.servers) to.real_servers.push_back(spec_of(server));
    if (const auto stand_in = service.config->stand_in()) {
      to.real_servers.push_back(sorry_spec(service, *stand_in));
    }
  }
  snapshot.timeouts = config.dataplane.timeouts;
  for (const config::HaInstance& instance : config.ha.instances) {
    // All its addresses move together.
    const bool is_master = !standby.contains(instance.addresses.front().address);
    put_own(instance.addresses, is_master, snapshot);
    if (!instance.virtual_mac || !is_master) continue;
    snapshot.port_macs.push_back(virtual_mac(config, instance));
  }
}

Running read_snapshot(const SnapshotSpec& snapshot, const Inventory& inventory) {
  Running running;
  for (const ServiceSpec& from : snapshot.services) {
    if (from.addresses.empty()) continue;
    const Service* const service = inventory.find({from.protocol, from.addresses.front()});
    if (service == nullptr) continue;
    const auto sorry = service->config->stand_in();
    for (const RealServerSpec& server : from.real_servers) {
      if (const RealServer* const known = inventory.find(*service, server.address)) {
        running.servers[known->id] = {server.healthy.value_or(server.up), server.keep_connections,
                                      server.next_hop};
      } else if (server.up && sorry && sorry->address == server.address) {
        running.sorry[service->id] = server.next_hop;
      }
    }
  }
  return running;
}

}  // namespace lb::controlplane
