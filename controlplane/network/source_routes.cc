#include "controlplane/network/source_routes.h"

#include <utility>

#include "config/network.h"

namespace lb::controlplane {

namespace {
// In no table of a router (RFC 7600 section 4.8): by where the kernel would send to it, the default
// route shows.
const Address kBehindDefaultRoute = Ipv4Address::from_host(0xc0000008);  // 192.0.0.8
}  // namespace

std::vector<SourceRouteSpec> source_routes_of(const config::Config& config,
                                              const Interface* by_default) {
  std::vector<SourceRouteSpec> routes;
  const auto add = [&routes](const Prefix& network, const auto& interface) {
    if (!network.address.is_ipv4()) return;
    routes.push_back({network.masked(), interface.port, interface.vlan});
  };
  const config::Network network(config);
  for (const config::Interface& interface : network.interfaces()) {
    for (const Prefix& own : interface.addresses) add(own, interface);
  }
  for (const config::Route& route : config.routes) {
    if (const auto on_link = network.on_link(route.via)) {
      add(route.destination, *on_link->interface);
    }
  }
  if (by_default != nullptr) add(Prefix(Address(), 0), *by_default);
  return routes;
}

bool SourceRoutes::refresh(const config::Config& config) {
  const std::vector<Interface> interfaces = interfaces_of(config);
  const Interface* by_default = nullptr;
  if (const auto hop = requests_.lookup(kBehindDefaultRoute); hop && *hop) {
    const netlink::Link* const link = state_.link((*hop)->index);
    for (const Interface& interface : interfaces) {
      if (link != nullptr && link->name == interface.name) by_default = &interface;
    }
  }
  std::vector<SourceRouteSpec> found = source_routes_of(config, by_default);
  if (found == routes_) return false;
  routes_ = std::move(found);
  return true;
}

}  // namespace lb::controlplane
