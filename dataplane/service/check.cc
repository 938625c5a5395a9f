#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "dataplane/service/build.h"

namespace lb {
namespace {

constexpr std::uint16_t kMaxVlan = 4094;
constexpr std::uint16_t kMinMtu = 68;  // RFC 791: what every link must carry
const std::string kIpv4Only = "; the packet path forwards IPv4 only";

std::string describe(const ServiceSpec& service) {
  return "service " + service.name + " (" + std::string(name_of(service.protocol)) + " " +
         service.addresses.front().to_string() + ")";
}

Result<void> known_port(const std::string& name, const std::vector<PortInfo>& ports) {
  if (std::ranges::find(ports, name, &PortInfo::name) != ports.end()) return {};
  return fail("there is no port '" + name + "'");
}

Result<void> check_ports(const SnapshotSpec& spec, const std::vector<PortInfo>& ports) {
  if (ports.size() > kMaxPorts) {
    return fail("at most " + std::to_string(kMaxPorts) + " ports are supported, not " +
                std::to_string(ports.size()));
  }
  for (const PortInfo& port : ports) {
    if (port.mtu < kMinMtu) {
      return fail("port " + port.name + ": MTU " + std::to_string(port.mtu) + " is below " +
                  std::to_string(kMinMtu));
    }
  }
  for (const PortAddressSpec& own : spec.port_addresses) {
    if (auto known = known_port(own.port, ports); !known) {
      return fail("port address: " + known.error().message);
    }
    if (!own.address.is_ipv4()) {
      return fail("port " + own.port + ": address " + own.address.to_string() + kIpv4Only);
    }
    if (own.vlan > kMaxVlan) {
      return fail("port " + own.port + ": VLAN id " + std::to_string(own.vlan) + " is above " +
                  std::to_string(kMaxVlan));
    }
  }
  for (const PortMacSpec& own : spec.port_macs) {
    if (auto known = known_port(own.port, ports); !known) {
      return fail("port MAC address: " + known.error().message);
    }
    if ((own.mac.bytes[0] & 1) != 0) {
      return fail("port " + own.port + ": a MAC address has 6 bytes and is not a group's");
    }
  }
  for (const Address& own : spec.own_addresses) {
    if (!own.is_ipv4()) return fail("own address " + own.to_string() + kIpv4Only);
  }
  for (const Address& held : spec.held_addresses) {
    if (!held.is_ipv4()) return fail("held address " + held.to_string() + kIpv4Only);
  }
  return {};
}

// What does not concern IPv4 in them the data plane has no use for.
Result<void> check_ingress(const SnapshotSpec& spec, const std::vector<PortInfo>& ports) {
  for (const PortPolicySpec& policy : spec.port_policies) {
    if (auto known = known_port(policy.port, ports); !known) {
      return fail("port policy: " + known.error().message);
    }
    for (const std::uint16_t vlan : policy.vlans) {
      if (vlan == 0 || vlan > kMaxVlan) {
        return fail("port " + policy.port + ": VLAN id " + std::to_string(vlan) + " is not 1 to " +
                    std::to_string(kMaxVlan));
      }
    }
  }
  for (const SourceRouteSpec& route : spec.source_routes) {
    if (auto known = known_port(route.port, ports); !known) {
      return fail("source route: " + known.error().message);
    }
    if (route.vlan > kMaxVlan) {
      return fail("source route: VLAN id " + std::to_string(route.vlan) + " is above " +
                  std::to_string(kMaxVlan));
    }
  }
  return {};
}

using Offers = std::set<std::tuple<Protocol, EndpointRange>>;

Result<void> check_addresses(const ServiceSpec& service, Offers& seen) {
  const auto check_one = [&](const EndpointRange& range) -> Result<void> {
    if (!range.address.is_ipv4()) {
      return fail(describe(service) + " has the address " + range.to_string() + kIpv4Only);
    }
    if (range.first == 0) return fail(describe(service) + " has port 0");
    if (range.first > range.last) return fail(describe(service) + " has a range that is empty");
    if (seen.emplace(service.protocol, range).second) return {};
    return fail(describe(service) + " is there twice" +
                (range == service.addresses.front() ? "" : ", with " + range.to_string()));
  };
  for (const EndpointRange& range : service.addresses) {
    if (Result<void> checked = check_one(range); !checked) return checked;
  }
  return {};
}

Result<void> check_one_packet(const ServiceSpec& service) {
  if (!service.one_packet) return {};
  if (service.protocol != Protocol::kUdp)
    return fail(describe(service) + " is not UDP, but one_packet");
  if (service.mode == Mode::kNat && !service.has_single_endpoint()) {
    return fail(describe(service) + " is one_packet in NAT mode and has several addresses");
  }
  return {};
}

// The director must see what the servers answer.
Result<void> check_syn_proxy(const ServiceSpec& service) {
  if (service.syn_proxy == SynProxyMode::kOff) return {};
  const bool any_dr = std::ranges::any_of(service.real_servers, [&](const RealServerSpec& rs) {
    return !rs.local && rs.mode.value_or(service.mode) != Mode::kNat;
  });
  if (service.protocol == Protocol::kTcp && service.mode == Mode::kNat && !any_dr) return {};
  return fail(describe(service) + " has a SYN proxy, which needs TCP in NAT mode");
}

Result<void> check_limits(const ServiceSpec& service) {
  const ConnLimits& limits = service.limits;
  if (std::max(limits.new_per_second, limits.new_per_second_per_client) > kMaxPerSecond) {
    return fail(describe(service) + " has a limit above " + std::to_string(kMaxPerSecond));
  }
  if (limits.client_prefix > 32) return fail(describe(service) + " has a client prefix above 32");
  return {};
}

Result<void> check_real_servers(const ServiceSpec& service, const std::vector<PortInfo>& ports) {
  std::unordered_set<Endpoint> seen;
  for (const RealServerSpec& rs : service.real_servers) {
    const auto wrong = [&](const std::string& what) {
      return fail(describe(service) + ": real server " + rs.address.to_string() + " " + what);
    };
    if (!rs.address.address.is_ipv4()) return wrong("is IPv6" + kIpv4Only);
    if (rs.address == service.primary_endpoint()) {
      return wrong("is the service's own address");
    }
    if (!seen.insert(rs.address).second) return wrong("is there twice");
    if (rs.max_connections != 0 && rs.resume_connections >= rs.max_connections) {
      return wrong("resumes at " + std::to_string(rs.resume_connections) +
                   " connections, which is not below its maximum of " +
                   std::to_string(rs.max_connections));
    }
    if (rs.local && rs.mode.value_or(service.mode) != Mode::kDr) {
      return wrong("is the director itself, which gets packets as they are, and not in DR mode");
    }
    if (!rs.next_hop) continue;
    if (rs.local) return wrong("is the director itself, and has a next hop");
    if (auto known = known_port(rs.next_hop->port, ports); !known) {
      return fail("service " + service.name + ": real server " + rs.address.to_string() +
                  ": next hop: " + known.error().message);
    }
    if (rs.next_hop->vlan > kMaxVlan) {
      return wrong("is behind VLAN id " + std::to_string(rs.next_hop->vlan) + ", above " +
                   std::to_string(kMaxVlan));
    }
  }
  return {};
}

}  // namespace

Result<void> check(const SnapshotSpec& spec, const std::vector<PortInfo>& ports) {
  if (Result<void> checked = check_ports(spec, ports); !checked) return checked;
  if (Result<void> checked = check_ingress(spec, ports); !checked) return checked;
  if (spec.services.size() > kMaxServiceSlots) {
    return fail("at most " + std::to_string(kMaxServiceSlots) + " services are supported, not " +
                std::to_string(spec.services.size()));
  }
  std::size_t real_servers = 0;
  std::uint32_t table_shares = 0;
  Offers seen;
  for (const ServiceSpec& service : spec.services) {
    if (service.addresses.empty()) return fail("service " + service.name + " has no address");
    if (Result<void> addresses = check_addresses(service, seen); !addresses) return addresses;
    if (service.persistence.count() != 0 &&
        (service.persistence_prefix < 1 || service.persistence_prefix > 32)) {
      return fail(describe(service) + ": persistence_prefix is not 1 to 32");
    }
    if (Result<void> limits = check_limits(service); !limits) return limits;
    if (Result<void> checked = check_one_packet(service); !checked) return checked;
    if (Result<void> checked = check_syn_proxy(service); !checked) return checked;
    if (Result<void> servers = check_real_servers(service, ports); !servers) return servers;
    real_servers += service.real_servers.size();
    table_shares += service.table_share.value_or(0);
  }
  if (table_shares > kMaxTableShare) {
    return fail("the services keep " + std::to_string(table_shares) +
                " % of the connection table, more than " + std::to_string(kMaxTableShare));
  }
  if (real_servers > kMaxRealServerSlots) {
    return fail("at most " + std::to_string(kMaxRealServerSlots) +
                " real servers are supported, not " + std::to_string(real_servers));
  }
  return {};
}

}  // namespace lb
