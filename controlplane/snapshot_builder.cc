#include "controlplane/snapshot_builder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <tuple>

#include "controlplane/topology.h"
#include "dataplane/api/enum_codec.h"

namespace lb::controlplane {
namespace {

std::string to_bytes(Ipv4Address address) {
  std::string bytes(sizeof address.be.raw, '\0');
  std::memcpy(bytes.data(), &address.be.raw, bytes.size());
  return bytes;
}

std::optional<Ipv4Endpoint> to_endpoint(const std::string& bytes, std::uint32_t port) {
  Ipv4Address address;
  if (bytes.size() != sizeof address.be.raw || port > 0xffff) return std::nullopt;
  std::memcpy(&address.be.raw, bytes.data(), bytes.size());
  return Ipv4Endpoint{address, static_cast<std::uint16_t>(port)};
}

std::optional<Ipv4EndpointRange> first_address(const api::Service& service) {
  const auto first = to_endpoint(service.address(), service.port());
  if (!first) return std::nullopt;
  const std::uint32_t last =
      service.addresses().empty() ? first->port : service.addresses(0).last_port();
  if (last > 0xffff) return std::nullopt;
  return Ipv4EndpointRange{first->address, first->port, static_cast<std::uint16_t>(last)};
}

std::uint32_t to_ms(config::Milliseconds duration) {
  constexpr config::Milliseconds::rep kMax = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(
      std::clamp<config::Milliseconds::rep>(duration.count(), 0, kMax));
}

void put_timeouts(const config::Timeouts& from, api::Timeouts& to) {
  to.set_tcp_syn_sent(to_ms(from.tcp_syn_sent));
  to.set_tcp_syn_received(to_ms(from.tcp_syn_received));
  to.set_tcp_established(to_ms(from.tcp_established));
  to.set_tcp_fin_wait(to_ms(from.tcp_fin_wait));
  to.set_tcp_close_wait(to_ms(from.tcp_close_wait));
  to.set_tcp_last_ack(to_ms(from.tcp_last_ack));
  to.set_tcp_time_wait(to_ms(from.tcp_time_wait));
  to.set_tcp_closed(to_ms(from.tcp_closed));
  to.set_udp(to_ms(from.udp));
}

void put_limits(const config::Limits& from, api::Limits& to) {
  to.set_new_per_second(from.new_per_second);
  to.set_new_per_second_per_client(from.new_per_second_per_client);
  to.set_client_prefix(from.client_prefix);
  to.set_burst_ms(to_ms(from.burst));
}

void put_service(const config::Service& from, api::Service& to) {
  to.set_name(from.name);
  to.set_protocol(to_api(from.protocol));
  to.set_address(to_bytes(from.primary_endpoint().address));
  to.set_port(from.primary_endpoint().port);
  if (!from.has_single_endpoint()) {
    for (const Ipv4EndpointRange& range : from.addresses) {
      api::AddressRange& address = *to.add_addresses();
      address.set_address(to_bytes(range.address));
      address.set_first_port(range.first);
      address.set_last_port(range.last);
    }
  }
  to.set_mode(to_api(from.mode));
  to.set_scheduler(to_api(from.scheduler));
  to.set_on_server_down(to_api(from.on_server_down));
  to.set_no_sync(!from.sync);
  to.set_persistence_ms(to_ms(from.persistence));
  to.set_persistence_prefix(from.persistence_prefix);
  to.set_group(from.group);
  if (from.limits.any()) put_limits(from.limits, *to.mutable_limits());
  to.set_one_packet(from.one_packet);
  if (from.timeouts) put_timeouts(*from.timeouts, *to.mutable_timeouts());
}

void put_own(const std::vector<Ipv4Prefix>& addresses, api::Snapshot& snapshot) {
  for (const Ipv4Prefix& own : addresses) snapshot.add_own_addresses(to_bytes(own.address));
}

// Equal lists stand in the snapshot once.
class AccessLists {
 public:
  explicit AccessLists(api::Snapshot& snapshot) : snapshot_(snapshot) {}

  void put(const config::Access& access, api::Service& to) {
    if (!access.any()) return;
    api::AccessList list;
    for (const auto* prefixes : {&access.allow, &access.allow_listed}) {
      append(*prefixes, *list.mutable_allow());
    }
    for (const auto* prefixes : {&access.deny, &access.deny_listed}) {
      append(*prefixes, *list.mutable_deny());
    }
    list.set_others(access.allow.empty() && access.allow_file.empty());
    const auto [place, is_new] = places_.emplace(
        std::tuple(list.allow(), list.deny(), list.others()), snapshot_.access_lists_size() + 1);
    if (is_new) *snapshot_.add_access_lists() = std::move(list);
    to.set_access_list(static_cast<std::uint32_t>(place->second));
  }

 private:
  static void append(const std::vector<Ipv4Prefix>& prefixes, std::string& bytes) {
    for (const Ipv4Prefix& prefix : prefixes) {
      bytes += to_bytes(prefix.address);
      bytes += static_cast<char>(prefix.length);
    }
  }

  api::Snapshot& snapshot_;
  std::map<std::tuple<std::string, std::string, bool>, int> places_;
};

void put_real_server(const config::RealServer& from, const RealServerState& state,
                     api::RealServer& to) {
  to.set_address(to_bytes(from.address.address));
  to.set_port(from.address.port);
  to.set_weight(state.weight.value_or(from.weight));
  to.set_max_connections(from.max_connections);
  to.set_resume_connections(from.resume_connections);
  to.set_up(state.up);
  to.set_unchecked(state.unchecked);
  to.set_end(state.end);
  if (state.healthy && *state.healthy != state.up) {
    to.set_checked(*state.healthy ? api::GOOD : api::BAD);
  }
  if (!state.next_hop) return;
  api::NextHop& hop = *to.mutable_next_hop();
  hop.set_port(state.next_hop->port);
  hop.set_vlan(state.next_hop->vlan);
  const auto& mac = state.next_hop->mac.bytes;
  hop.set_mac(std::string(mac.begin(), mac.end()));
}

// RFC 9568 section 7.3: 00-00-5E-00-01-{VRID}.
void put_virtual_mac(const config::Config& config, const config::HaInstance& instance,
                     api::PortMac& to) {
  for (const Interface& interface : interfaces_of(config)) {
    if (interface.name == instance.port) to.set_port(interface.port);
  }
  const std::array<std::uint8_t, 6> mac = {0, 0, 0x5e, 0, 1, instance.virtual_router_id};
  to.set_mac(std::string(mac.begin(), mac.end()));
}

std::optional<NextHop> to_next_hop(const api::RealServer& server) {
  if (!server.has_next_hop()) return std::nullopt;
  const api::NextHop& from = server.next_hop();
  NextHop hop;
  if (from.mac().size() != hop.mac.bytes.size() || from.vlan() > 0xfff || from.port().empty()) {
    return std::nullopt;
  }
  hop.port = from.port();
  hop.vlan = static_cast<std::uint16_t>(from.vlan());
  std::memcpy(hop.mac.bytes.data(), from.mac().data(), from.mac().size());
  return hop;
}

}  // namespace

RealServerKey key_of(const config::Service& service, Ipv4Endpoint server) {
  return {service.protocol, service.addresses.front(), server};
}

void build_snapshot(const config::Config& config, const std::set<Ipv4Address>& standby,
                    const StateOf& state_of, api::Snapshot& snapshot,
                    const ServiceStateOf& service_state_of) {
  snapshot.Clear();
  for (const Interface& interface : interfaces_of(config)) {
    put_own(interface.addresses, snapshot);
    if (interface.addresses.empty()) continue;
    api::PortAddress& address = *snapshot.add_port_addresses();
    address.set_port(interface.port);
    address.set_vlan(interface.vlan);
    address.set_address(to_bytes(interface.addresses.front().address));
  }
  AccessLists lists(snapshot);
  for (const config::Service& service : config.services) {
    api::Service& to = *snapshot.add_services();
    put_service(service, to);
    lists.put(service.access, to);
    // All its VIPs move together.
    to.set_standby(standby.contains(service.primary_endpoint().address));
    for (const config::RealServer& server : service.real_servers) {
      put_real_server(server, state_of(service, server), *to.add_real_servers());
    }
    if (!service_state_of) continue;
    const ServiceInEffect in_effect = service_state_of(service);
    to.set_scheduler(to_api(in_effect.scheduler));
    if (!service.sorry_server) continue;
    config::RealServer sorry;
    sorry.address = service.sorry_server->address;
    api::RealServer& to_sorry = *to.add_real_servers();
    put_real_server(sorry, in_effect.sorry, to_sorry);
    to_sorry.set_mode(to_api(service.sorry_server->mode));
  }
  put_timeouts(config.dataplane.timeouts, *snapshot.mutable_timeouts());
  for (const config::HaInstance& instance : config.ha.instances) {
    put_own(instance.addresses, snapshot);
    if (!instance.virtual_mac || standby.contains(instance.addresses.front().address)) continue;
    put_virtual_mac(config, instance, *snapshot.add_port_macs());
  }
}

std::map<RealServerKey, RealServerState> read_snapshot(const api::Snapshot& snapshot) {
  std::map<RealServerKey, RealServerState> states;
  for (const api::Service& service : snapshot.services()) {
    const auto vip = first_address(service);
    const auto protocol = from_api(service.protocol());
    if (!vip || !protocol) continue;
    for (const api::RealServer& server : service.real_servers()) {
      const auto address = to_endpoint(server.address(), server.port());
      if (!address) continue;
      RealServerState& state = states[{*protocol, *vip, *address}];
      state.up = server.up();
      state.unchecked = server.unchecked();
      state.next_hop = to_next_hop(server);
      if (server.checked() != api::AS_UP) state.healthy = server.checked() == api::GOOD;
    }
  }
  return states;
}

}  // namespace lb::controlplane
