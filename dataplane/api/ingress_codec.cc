#include "dataplane/api/ingress_codec.h"

#include <string>
#include <utility>

#include "dataplane/api/address_codec.h"
#include "dataplane/api/enum_codec.h"

namespace lb {
namespace {

constexpr std::uint32_t kMaxVlanId = 4094;

Result<std::uint16_t> checked_vlan(std::uint32_t value) {
  if (value <= kMaxVlanId) return static_cast<std::uint16_t>(value);
  return fail("VLAN " + std::to_string(value) + " is above " + std::to_string(kMaxVlanId));
}

Result<PortPolicySpec> port_policy(const api::PortPolicy& message) {
  const auto failed = [&](const Error& error) {
    return fail("port " + message.port() + ": " + error.message);
  };
  PortPolicySpec spec;
  spec.port = message.port();
  for (const std::uint32_t entry : message.vlans()) {
    const auto vlan = checked_vlan(entry);
    if (!vlan) return failed(vlan.error());
    spec.vlans.push_back(*vlan);
  }
  const auto anti_spoof = from_api(message.anti_spoof());
  if (!anti_spoof) return failed(anti_spoof.error());
  spec.anti_spoof = *anti_spoof;
  spec.clients_from_other_ports = message.clients_from_other_ports();
  return spec;
}

Result<SourceRouteSpec> source_route(const api::SourceRoute& message) {
  const auto network = to_address(message.network());
  if (!network) return fail("source route: " + network.error().message);
  if (message.prefix() > network->bits()) {
    return fail("source route: a prefix has at most " + std::to_string(network->bits()) + " bits");
  }
  const auto vlan = checked_vlan(message.vlan());
  if (!vlan) return fail("source route: " + vlan.error().message);
  return SourceRouteSpec{
      {*network, static_cast<std::uint8_t>(message.prefix())}, message.port(), *vlan};
}

api::PortPolicy to_api(const PortPolicySpec& spec) {
  api::PortPolicy message;
  message.set_port(spec.port);
  for (const std::uint16_t vlan : spec.vlans) message.add_vlans(vlan);
  message.set_anti_spoof(lb::to_api(spec.anti_spoof));
  message.set_clients_from_other_ports(spec.clients_from_other_ports);
  return message;
}

api::SourceRoute to_api(const SourceRouteSpec& spec) {
  api::SourceRoute message;
  message.set_network(lb::to_bytes(spec.network.address));
  message.set_prefix(spec.network.length);
  message.set_port(spec.port);
  message.set_vlan(spec.vlan);
  return message;
}

}  // namespace

void put_ingress(const SnapshotSpec& spec, api::Snapshot& message) {
  for (const PortPolicySpec& from : spec.port_policies) *message.add_port_policies() = to_api(from);
  for (const SourceRouteSpec& from : spec.source_routes) {
    *message.add_source_routes() = to_api(from);
  }
}

Result<void> read_ingress(const api::Snapshot& message, SnapshotSpec& spec) {
  for (const auto& entry : message.port_policies()) {
    auto policy = port_policy(entry);
    if (!policy) return tl::make_unexpected(policy.error());
    spec.port_policies.push_back(std::move(*policy));
  }
  for (const auto& entry : message.source_routes()) {
    auto route = source_route(entry);
    if (!route) return tl::make_unexpected(route.error());
    spec.source_routes.push_back(std::move(*route));
  }
  return {};
}

}  // namespace lb
