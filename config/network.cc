#include "config/network.h"

#include <fmt/format.h>

#include <algorithm>

namespace lb::config {

Network::Network(const Config& config) {
  for (std::size_t p = 0; p < config.ports.size(); ++p) {
    const Port& port = config.ports[p];
    interfaces_.push_back({port.name, port.name, 0, port.addresses, fmt::format("port[{}]", p)});
    for (std::size_t v = 0; v < port.vlans.size(); ++v) {
      const Vlan& vlan = port.vlans[v];
      interfaces_.push_back(
          {vlan.name, port.name, vlan.id, vlan.addresses, fmt::format("port[{}].vlan[{}]", p, v)});
    }
  }
  for (const HaInstance& instance : config.ha.instances) {
    for (const Prefix& prefix : instance.addresses) {
      ha_owners_.emplace(prefix.address, HaOwner{instance.name, instance.port});
    }
  }
}

const Interface* Network::find(std::string_view name) const {
  const auto found = std::find_if(interfaces_.begin(), interfaces_.end(),
                                  [name](const Interface& i) { return i.name == name; });
  return found == interfaces_.end() ? nullptr : &*found;
}

std::optional<Network::OnLink> Network::on_link(Address address) const {
  std::optional<OnLink> best;
  for (const Interface& interface : interfaces_) {
    for (const Prefix& prefix : interface.addresses) {
      if (!prefix.contains(address)) continue;
      if (!best || prefix.length > best->subnet.length) best = OnLink{&interface, prefix};
    }
  }
  return best;
}

bool Network::is_own(Address address) const {
  for (const Interface& interface : interfaces_) {
    for (const Prefix& prefix : interface.addresses) {
      if (prefix.address == address) return true;
    }
  }
  return false;
}

const HaOwner* Network::ha_owner(Address address) const {
  const auto found = ha_owners_.find(address);
  return found == ha_owners_.end() ? nullptr : &found->second;
}

const Interface* Network::vip_interface(const Service& service, Address vip) const {
  if (!service.port.empty()) return find(service.port);
  if (const HaOwner* const ha = ha_owner(vip)) return find(ha->port);
  const auto link = on_link(vip);
  return link ? link->interface : nullptr;
}

std::string Network::subnets_text() const {
  constexpr std::size_t kShown = 4;
  std::vector<std::string> subnets;
  for (const Interface& interface : interfaces_) {
    for (const Prefix& prefix : interface.addresses) {
      const std::string subnet = prefix.masked().to_string();
      if (std::find(subnets.begin(), subnets.end(), subnet) == subnets.end()) {
        subnets.push_back(subnet);
      }
    }
  }
  if (subnets.empty()) return "none";
  std::string out = subnets[0];
  for (std::size_t i = 1; i < std::min(subnets.size(), kShown); ++i) {
    out += (i + 1 == subnets.size() ? " or " : ", ") + subnets[i];
  }
  if (subnets.size() > kShown) out += fmt::format(" or {} more", subnets.size() - kShown);
  return out;
}

}  // namespace lb::config
