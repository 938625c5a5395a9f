// The one place where IPv6 is refused: where an address goes to the packet path, to the kernel or
// to VRRP, none of which supports it yet. The control plane itself accepts either family.
#include <fmt/format.h>

#include <string>
#include <utility>

#include "config/validate.h"

namespace lb::config {
namespace {

class FamilyValidator {
 public:
  explicit FamilyValidator(std::vector<Problem>& problems) : problems_(problems) {}

  void check(const Address& address, std::string path) {
    if (address.is_ipv4()) return;
    problems_.push_back({std::move(path), ipv6_refusal(address), ProblemKind::kSpoilsTable});
  }

  void check(const std::vector<Prefix>& prefixes, const std::string& path) {
    for (std::size_t i = 0; i < prefixes.size(); ++i) {
      check(prefixes[i].address, fmt::format("{}[{}]", path, i));
    }
  }

  void check(const Service& service, const std::string& path) {
    for (std::size_t i = 0; i < service.addresses.size(); ++i) {
      const std::string in_list = fmt::format("{}.addresses[{}]", path, i);
      check(service.addresses[i].address,
            i == 0 ? fmt::format("{}.address|{}", path, in_list) : in_list);
    }
    check(service.access.allow, path + ".allow");
    check(service.access.deny, path + ".deny");
    for (std::size_t i = 0; i < service.real_servers.size(); ++i) {
      check(service.real_servers[i].address.address,
            fmt::format("{}.real_server[{}].address", path, i));
    }
    if (service.sorry_server) {
      check(service.sorry_server->address.address, path + ".sorry_server.address");
    }
  }

  void check(const HaInstance& instance, const std::string& path) {
    check(instance.addresses, path + ".addresses");
    for (std::size_t i = 0; i < instance.unicast_peers.size(); ++i) {
      check(instance.unicast_peers[i], fmt::format("{}.unicast_peers[{}]", path, i));
    }
    for (std::size_t i = 0; i < instance.peers.size(); ++i) {
      check(instance.peers[i], fmt::format("{}.peers[{}]", path, i));
    }
    if (instance.source) check(*instance.source, path + ".source");
  }

 private:
  std::vector<Problem>& problems_;
};

}  // namespace

std::string ipv6_refusal(const Address& address) {
  return fmt::format(
      "{} is an IPv6 address, which the packet path does not support yet; write an IPv4 address",
      address.to_string());
}

void validate_families(const Config& config, std::vector<Problem>& problems) {
  FamilyValidator validator(problems);
  for (std::size_t p = 0; p < config.ports.size(); ++p) {
    validator.check(config.ports[p].addresses, fmt::format("port[{}].addresses", p));
    for (std::size_t v = 0; v < config.ports[p].vlans.size(); ++v) {
      validator.check(config.ports[p].vlans[v].addresses,
                      fmt::format("port[{}].vlan[{}].addresses", p, v));
    }
  }
  for (std::size_t r = 0; r < config.routes.size(); ++r) {
    const Route& route = config.routes[r];
    // "default" has the family of the gateway, which is refused by itself.
    if (route.destination.length != 0 || route.via.is_ipv4()) {
      validator.check(route.destination.address, fmt::format("route[{}].destination", r));
    }
    validator.check(route.via, fmt::format("route[{}].via", r));
  }
  for (std::size_t s = 0; s < config.services.size(); ++s) {
    validator.check(config.services[s], fmt::format("service[{}]", s));
  }
  for (std::size_t i = 0; i < config.ha.instances.size(); ++i) {
    validator.check(config.ha.instances[i], fmt::format("ha.instance[{}]", i));
  }
}

}  // namespace lb::config
