#include "dataplane/service/build_ports.h"

#include <algorithm>
#include <string>
#include <utility>

namespace lb {

namespace {

// check() has found that there is one of this name.
std::size_t port_number(const std::string& name, const std::vector<PortInfo>& ports) {
  return static_cast<std::size_t>(std::ranges::find(ports, name, &PortInfo::name) - ports.begin());
}

}  // namespace

std::vector<PortInfo> ports_of(const SnapshotSpec& spec, std::vector<PortInfo> ports) {
  for (PortInfo& port : ports) port.addresses.clear();
  for (const PortAddressSpec& own : spec.port_addresses) {
    ports[port_number(own.port, ports)].addresses.push_back({own.vlan, ipv4(own.address).be});
  }
  for (const PortMacSpec& own : spec.port_macs) {
    ports[port_number(own.port, ports)].mac = own.mac.bytes;
  }
  return ports;
}

std::array<IngressPolicy, kMaxPorts> policies_of(const SnapshotSpec& spec,
                                                 const std::vector<PortInfo>& ports) {
  std::array<IngressPolicy, kMaxPorts> policies;
  for (const PortPolicySpec& from : spec.port_policies) {
    IngressPolicy& policy = policies[port_number(from.port, ports)];
    policy.vlans.emplace();
    for (const std::uint16_t vlan : from.vlans) policy.vlans->set(vlan);
    policy.anti_spoof = from.anti_spoof;
    policy.clients_from_other_ports = from.clients_from_other_ports;
  }
  return policies;
}

SourceRoutes source_routes(const SnapshotSpec& spec, const std::vector<PortInfo>& ports) {
  std::vector<SourceRoutes::Route> routes;
  for (const SourceRouteSpec& from : spec.source_routes) {
    const auto network = from.network.to_ipv4();
    if (!network) continue;
    const std::uint64_t begin = network->network().host();
    routes.push_back(
        {begin, begin + (std::uint64_t{1} << (32 - network->length)),
         Place::make(from.vlan, static_cast<std::uint8_t>(port_number(from.port, ports)))});
  }
  return SourceRoutes(std::move(routes));
}

NextHop next_hop(const NextHopSpec& spec, const std::vector<PortInfo>& ports,
                 std::optional<std::uint8_t> tos) {
  const std::size_t number = port_number(spec.port, ports);
  const PortInfo& port = ports[number];
  NextHop hop;
  std::uint8_t* at = std::ranges::copy(spec.mac.bytes, hop.l2.begin()).out;
  at = std::ranges::copy(port.mac, at).out;
  const auto put16 = [&at](std::uint16_t v) {
    *at++ = static_cast<std::uint8_t>(v >> 8);
    *at++ = static_cast<std::uint8_t>(v);
  };
  if (spec.vlan != 0) {
    put16(0x8100);
    put16(spec.vlan);
  }
  put16(0x0800);
  hop.set_form(static_cast<std::uint8_t>(at - hop.l2.begin()), tos);
  hop.port = static_cast<std::uint8_t>(number);
  hop.mtu = port.mtu;
  return hop;
}

}  // namespace lb
