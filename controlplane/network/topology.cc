#include "controlplane/network/topology.h"

#include <algorithm>

namespace lb::controlplane {

std::vector<Interface> interfaces_of(const config::Config& config) {
  std::vector<Interface> interfaces;
  for (const config::Port& port : config.ports) {
    interfaces.push_back({port.name, port.name, 0, port.mtu, port.addresses});
    for (const config::Vlan& vlan : port.vlans) {
      interfaces.push_back({vlan.name, port.name, vlan.id, port.mtu, vlan.addresses});
    }
  }
  return interfaces;
}

const Interface* interface_of_vip(std::span<const Interface> interfaces,
                                  const config::Service& service, Address vip) {
  const Interface* best = nullptr;
  int best_length = -1;
  for (const Interface& interface : interfaces) {
    if (!service.port.empty()) {
      if (interface.name == service.port) return &interface;
      continue;
    }
    for (const Prefix& prefix : interface.addresses) {
      if (prefix.contains(vip) && prefix.length > best_length) {
        best = &interface;
        best_length = prefix.length;
      }
    }
  }
  return best;
}

namespace {

// It is the interface's own, or an HA instance's.
bool borne_anyway(const config::Config& config, const Interface& interface, Address address) {
  const auto has = [address](const std::vector<Prefix>& prefixes) {
    return std::ranges::find(prefixes, address, &Prefix::address) != prefixes.end();
  };
  return has(interface.addresses) ||
         std::ranges::any_of(config.ha.instances, [&](const config::HaInstance& instance) {
           return has(instance.addresses);
         });
}

}  // namespace

std::vector<Vip> vips_of(const config::Config& config, std::span<const Interface> interfaces) {
  std::vector<Vip> vips;
  const auto add = [&](const config::Service& service, Address address) {
    const Interface* const interface = interface_of_vip(interfaces, service, address);
    if (interface == nullptr || borne_anyway(config, *interface, address)) return;
    Vip vip{{address, static_cast<std::uint8_t>(address.bits())}, interface->name};
    if (std::ranges::find(vips, vip) == vips.end()) vips.push_back(std::move(vip));
  };
  for (const config::Service& service : config.services) {
    for (const Address address : service.vips()) add(service, address);
  }
  return vips;
}

std::vector<Vip> vips_of(const config::HaInstance& instance) {
  std::vector<Vip> vips;
  for (const Prefix& prefix : instance.addresses) vips.push_back({prefix, instance.port});
  return vips;
}

std::vector<Vip> vips_of(const config::Ha& ha) {
  std::vector<Vip> all;
  for (const config::HaInstance& instance : ha.instances) {
    const std::vector<Vip> vips = vips_of(instance);
    all.insert(all.end(), vips.begin(), vips.end());
  }
  return all;
}

std::vector<Vip> all_vips(const config::Config& config) {
  const std::vector<Interface> interfaces = interfaces_of(config);
  std::vector<Vip> all = vips_of(config, interfaces);
  const std::vector<Vip> ha = vips_of(config.ha);
  all.insert(all.end(), ha.begin(), ha.end());
  std::erase_if(all, [&](const Vip& vip) {
    return std::ranges::any_of(interfaces, [&](const Interface& interface) {
      return interface.name == vip.interface &&
             std::ranges::find(interface.addresses, vip.prefix.address, &Prefix::address) !=
                 interface.addresses.end();
    });
  });
  return all;
}

std::vector<Prefix> wanted_addresses(const Interface& interface, std::span<const Vip> vips) {
  std::vector<Prefix> wanted = interface.addresses;
  for (const Vip& vip : vips) {
    if (vip.interface == interface.name) wanted.push_back(vip.prefix);
  }
  return wanted;
}

AddressPlan plan_addresses(std::span<const Prefix> wanted, std::span<const Prefix> undecided,
                           std::span<const netlink::InterfaceAddress> present) {
  const auto is_among = [](const Prefix& prefix, std::span<const Prefix> all) {
    return std::ranges::find(all, prefix) != all.end();
  };
  AddressPlan plan;
  for (const netlink::InterfaceAddress& address : present) {
    if (address.owned && !is_among(address.prefix, wanted) &&
        !is_among(address.prefix, undecided)) {
      plan.remove.push_back(address.prefix);
    }
  }
  for (const Prefix& prefix : wanted) {
    if (std::ranges::find(present, prefix, &netlink::InterfaceAddress::prefix) == present.end()) {
      plan.add.push_back(prefix);
    }
  }
  return plan;
}

std::vector<FixedNeighbour> fixed_neighbours_of(const config::Config& config) {
  const std::vector<Interface> interfaces = interfaces_of(config);
  std::vector<FixedNeighbour> all;
  const auto add = [&](Address address, const std::optional<MacAddress>& mac) {
    if (!mac || std::ranges::find(all, address, &FixedNeighbour::address) != all.end()) return;
    for (const Interface& interface : interfaces) {
      if (std::ranges::none_of(interface.addresses, [address](const Prefix& subnet) {
            return subnet.contains(address);
          })) {
        continue;
      }
      all.push_back({interface.name, address, *mac});
      return;
    }
  };
  for (const config::Route& route : config.routes) add(route.via, route.mac);
  for (const config::Service& service : config.services) {
    for (const config::RealServer& server : service.real_servers) {
      add(server.address.address, server.mac);
    }
  }
  return all;
}

RoutePlan plan_routes(std::span<const config::Route> wanted,
                      std::span<const netlink::Route> present) {
  std::vector<netlink::Route> routes;
  for (const config::Route& route : wanted) {
    routes.push_back({{route.destination.network(), route.destination.length}, route.via});
  }
  RoutePlan plan;
  for (const netlink::Route& route : present) {
    if (std::ranges::find(routes, route) == routes.end()) plan.remove.push_back(route);
  }
  for (const netlink::Route& route : routes) {
    if (std::ranges::find(present, route) == present.end()) plan.add.push_back(route);
  }
  return plan;
}

}  // namespace lb::controlplane
