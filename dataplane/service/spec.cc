#include "dataplane/service/spec.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_set>
#include <utility>

namespace lb {
namespace {

constexpr std::uint16_t kMaxVlan = 4094;
constexpr std::uint16_t kMinMtu = 68;  // RFC 791: what every link must carry

std::string describe(const ServiceSpec& service) {
  return "service " + service.name + " (" + (service.proto == kProtoUdp ? "udp " : "tcp ") +
         service.first_address().to_string() + ")";
}

std::uint64_t endpoint_key(const Ipv4Endpoint& endpoint) {
  return endpoint.address.host() | std::uint64_t{endpoint.port} << 32;
}

Result<void> check_ports(const std::vector<PortInfo>& ports) {
  if (ports.size() > kMaxPorts) {
    return fail("at most " + std::to_string(kMaxPorts) + " ports are supported, not " +
                std::to_string(ports.size()));
  }
  for (const PortInfo& port : ports) {
    if (port.mtu < kMinMtu) {
      return fail("port " + port.name + ": MTU " + std::to_string(port.mtu) + " is below " +
                  std::to_string(kMinMtu));
    }
    for (const PortInfo::Address& own : port.addresses) {
      if (own.vlan > kMaxVlan) {
        return fail("port " + port.name + ": VLAN id " + std::to_string(own.vlan) + " is above " +
                    std::to_string(kMaxVlan));
      }
    }
  }
  return {};
}

using Offers = std::set<std::tuple<std::uint8_t, Ipv4EndpointRange>>;

Result<void> check_addresses(const ServiceSpec& service, Offers& seen) {
  const auto check_one = [&](const Ipv4EndpointRange& range) -> Result<void> {
    if (range.first == 0) return fail(describe(service) + " has port 0");
    if (range.first > range.last) return fail(describe(service) + " has a range that is empty");
    if (seen.emplace(service.proto, range).second) return {};
    return fail(describe(service) + " is there twice" +
                (service.addresses.empty() ? "" : ", with " + range.to_string()));
  };
  if (service.addresses.empty()) return check_one(service.first_address());
  if (service.addresses.front().front() != service.address) {
    return fail(describe(service) + " has another first address");
  }
  for (const Ipv4EndpointRange& range : service.addresses) {
    if (Result<void> checked = check_one(range); !checked) return checked;
  }
  return {};
}

Result<void> check_one_packet(const ServiceSpec& service) {
  if (!service.one_packet) return {};
  if (service.proto != kProtoUdp) return fail(describe(service) + " is not UDP, but one_packet");
  if (service.mode == Mode::kNat && !service.addresses.empty()) {
    return fail(describe(service) + " is one_packet in NAT mode and has several addresses");
  }
  return {};
}

Result<void> check_limits(const ServiceSpec& service) {
  const LimitSpec& limits = service.limits;
  if (std::max(limits.per_second, limits.per_second_per_client) > kMaxPerSecond) {
    return fail(describe(service) + " has a limit above " + std::to_string(kMaxPerSecond));
  }
  if (limits.client_prefix > 32) return fail(describe(service) + " has a client prefix above 32");
  return {};
}

Result<void> check_real_servers(const ServiceSpec& service, std::size_t ports) {
  std::unordered_set<std::uint64_t> seen;
  for (const RealServerSpec& rs : service.real_servers) {
    const auto wrong = [&](const std::string& what) {
      return fail(describe(service) + ": real server " + rs.address.to_string() + " " + what);
    };
    if (rs.address == service.address) return wrong("is the service's own address");
    if (!seen.insert(endpoint_key(rs.address)).second) return wrong("is there twice");
    if (rs.max_connections != 0 && rs.resume_connections >= rs.max_connections) {
      return wrong("resumes at " + std::to_string(rs.resume_connections) +
                   " connections, which is not below its maximum of " +
                   std::to_string(rs.max_connections));
    }
    if (!rs.resolved) continue;
    if (rs.next_hop.port >= ports) {
      return wrong("is behind port number " + std::to_string(rs.next_hop.port) +
                   ", which does not exist");
    }
    if (rs.next_hop.vlan > kMaxVlan) {
      return wrong("is behind VLAN id " + std::to_string(rs.next_hop.vlan) + ", above " +
                   std::to_string(kMaxVlan));
    }
  }
  return {};
}

}  // namespace

Result<void> check(const SnapshotSpec& spec) {
  if (Result<void> ports = check_ports(spec.ports); !ports) return ports;
  if (spec.services.size() > kMaxServiceSlots) {
    return fail("at most " + std::to_string(kMaxServiceSlots) + " services are supported, not " +
                std::to_string(spec.services.size()));
  }
  std::size_t real_servers = 0;
  Offers seen;
  for (const ServiceSpec& service : spec.services) {
    if (service.proto != kProtoTcp && service.proto != kProtoUdp) {
      return fail("service " + service.name + " (" + service.address.to_string() +
                  "): protocol number " + std::to_string(service.proto) +
                  " is neither 6 (TCP) nor 17 (UDP)");
    }
    if (Result<void> addresses = check_addresses(service, seen); !addresses) return addresses;
    if (service.persistence_prefix < 1 || service.persistence_prefix > 32) {
      return fail(describe(service) + ": persistence_prefix is not 1 to 32");
    }
    if (Result<void> limits = check_limits(service); !limits) return limits;
    if (Result<void> checked = check_one_packet(service); !checked) return checked;
    if (Result<void> servers = check_real_servers(service, spec.ports.size()); !servers) {
      return servers;
    }
    real_servers += service.real_servers.size();
  }
  if (real_servers > kMaxRealServerSlots) {
    return fail("at most " + std::to_string(kMaxRealServerSlots) +
                " real servers are supported, not " + std::to_string(real_servers));
  }
  return {};
}

}  // namespace lb
