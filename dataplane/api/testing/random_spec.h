// For tests: specs with something in every field. A struct that gets a field stops compiling here,
// by the number of names that it is taken apart into: add the name and fill it.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/api/snapshot_spec.h"

namespace lb::test {

// The base counts as one; a structured binding cannot look into both.
template <typename T>
concept HasFourParts = requires {
  T{{}, {}, {}, {}};
}
&&!requires {
  T{{}, {}, {}, {}, {}};
};

class RandomSpec {
 public:
  // By default a field is now and then as it is by default; with kEveryField none is.
  enum Fields : bool { kSomeFields, kEveryField };

  explicit RandomSpec(std::uint32_t seed) : random_(seed) {}

  SnapshotSpec snapshot(Fields fields = kSomeFields) {
    fields_ = fields;
    SnapshotSpec spec;
    auto& [generation, port_addresses, port_macs, own_addresses, held_addresses, port_policies,
           source_routes, timeouts, services] = spec;
    set(generation);
    set_each(port_addresses);
    set_each(port_macs);
    set_each(own_addresses);
    set_each(held_addresses);
    set_each(port_policies);
    set_each(source_routes);
    set(timeouts);
    lists_.clear();
    set_each(services);
    return spec;
  }

 private:
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_()) % n; }
  bool as_default() { return fields_ == kSomeFields && below(4) == 0; }

  // Every value but the one that it has, which is the default.
  template <std::integral Integer>
  void set(Integer& value, std::uint64_t most = std::numeric_limits<Integer>::max()) {
    if (as_default()) return;
    const Integer before = value;
    do {
      value = static_cast<Integer>(random_() % (most + (most != ~std::uint64_t{0})));
    } while (value == before);
  }
  void set(bool& value) {
    if (!as_default()) value = !value;
  }
  void set(std::string& value) {
    if (as_default()) return;
    value = "n" + std::to_string(below(1'000));
  }
  void set(std::chrono::milliseconds& value) {
    if (as_default()) return;
    const auto before = value;
    do {
      value = std::chrono::milliseconds(1 + random_() % 0xffff'ffff);
    } while (value == before);
  }
  template <NamedEnum E>
  void set(E& value) {
    if (as_default()) return;
    const E before = value;
    do {
      value = kEnumNames<E>[below(kEnumNames<E>.size())].value;
    } while (value == before);
  }
  template <typename T>
  void set(std::optional<T>& value) {
    if (as_default()) return;
    set(value.emplace());
  }
  template <typename T>
  void set_each(std::vector<T>& values) {
    if (as_default()) return;
    values.resize(1 + below(4));
    for (T& value : values) set(value);
  }

  void set(Address& address) {
    address = Ipv4Address::from_host(1 + below(~0U - 1));
    if (below(2) == 0) return;
    std::array<std::uint8_t, 16> bytes;
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(1 + below(255));
    address = Address::from_ipv6(bytes);
  }
  void set(MacAddress& mac) {
    for (std::uint8_t& byte : mac.bytes) byte = static_cast<std::uint8_t>(1 + below(255));
  }
  void set(Endpoint& endpoint) {
    auto& [address, port] = endpoint;
    set(address);
    set(port);
  }
  void set(EndpointRange& range) {
    auto& [address, first, last] = range;
    set(address);
    set(first);
    set(last);
  }
  void set(Prefix& prefix) {
    auto& [address, length] = prefix;
    set(address);
    length = static_cast<std::uint8_t>(below(address.bits() + 1));
  }
  void set(NextHopSpec& hop) {
    auto& [port, vlan, mac] = hop;
    set(port);
    set(vlan, kMostVlan);
    set(mac);
  }
  void set(PortAddressSpec& own) {
    auto& [port, vlan, address] = own;
    set(port);
    set(vlan, kMostVlan);
    set(address);
  }
  void set(PortMacSpec& own) {
    auto& [port, mac] = own;
    set(port);
    set(mac);
  }
  void set(PortPolicySpec& policy) {
    auto& [port, vlans, anti_spoof, clients_from_other_ports] = policy;
    set(port);
    vlans.resize(below(4));
    for (std::uint16_t& vlan : vlans) set(vlan, kMostVlan);
    if (fields_ == kEveryField) vlans.push_back(7);
    set(anti_spoof);
    set(clients_from_other_ports);
  }
  void set(SourceRouteSpec& route) {
    auto& [network, port, vlan] = route;
    set(network);
    set(port);
    set(vlan, kMostVlan);
  }
  void set(ConnTimeouts& timeouts) {
    auto& [syn_sent, syn_received, handshake, established, fin_wait, close_wait, last_ack,
           time_wait, closed, udp_unanswered, udp] = timeouts;
    for (auto* timeout : {&syn_sent, &syn_received, &handshake, &established, &fin_wait,
                          &close_wait, &last_ack, &time_wait, &closed, &udp_unanswered, &udp}) {
      set(*timeout);
    }
  }
  void set(ConnLimits& limits) {
    auto& [new_per_second, new_per_second_per_client, client_prefix, burst] = limits;
    set(new_per_second);
    set(new_per_second_per_client);
    set(client_prefix);
    set(burst);
  }
  // Of a few, so that services share them.
  void set(SharedAccessList& access) {
    if (as_default()) return;
    if (lists_.size() < 3) {
      AccessListSpec list;
      auto& [allow, deny, others] = list;
      set_each(allow);
      set_each(deny);
      set(others);
      lists_.emplace_back(std::move(list));
    }
    access = lists_[below(static_cast<std::uint32_t>(lists_.size()))];
  }
  void set(RealServerSpec& server) {
    auto& [address, weight, max_connections, resume_connections, mode, up, healthy,
           keep_connections, end_connections, next_hop, local] = server;
    set(address);
    set(weight);
    set(max_connections);
    set(resume_connections);
    set(mode);
    set(up);
    set(healthy);
    set(keep_connections);
    set(end_connections);
    set(next_hop);
    set(local);
  }
  void set(ServiceSettings& service) {
    auto& [name, protocol, addresses, mode, scheduler, on_server_down, one_packet, sync,
           table_share, persistence, persistence_prefix, tos, group, limits, syn_proxy,
           syn_proxy_threshold, timeouts] = service;
    set(name);
    set(protocol);
    set_each(addresses);
    set(mode);
    set(scheduler);
    set(on_server_down);
    set(one_packet);
    set(sync);
    if (!as_default()) table_share = static_cast<std::uint8_t>(below(kMaxTableShare));
    set(persistence);
    if (!as_default()) persistence_prefix = static_cast<std::uint8_t>(1 + below(31));
    if (!as_default()) tos = static_cast<std::uint8_t>(4 * below(64));
    set(group);
    set(limits);
    set(syn_proxy);
    set(syn_proxy_threshold);
    set(timeouts);
  }
  void set(ServiceSpec& service) {
    static_assert(HasFourParts<ServiceSpec>, "set the new field here, and count it");
    set(static_cast<ServiceSettings&>(service));
    set(service.access);
    set(service.standby);
    set_each(service.real_servers);
  }

  static constexpr std::uint64_t kMostVlan = 4094;

  std::mt19937_64 random_;
  Fields fields_ = kSomeFields;
  std::vector<SharedAccessList> lists_;
};

}  // namespace lb::test
