#include "dataplane/api/snapshot_codec.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <map>

#include "dataplane/api/address_codec.h"
#include "dataplane/api/enum_codec.h"
#include "dataplane/api/ingress_codec.h"

namespace lb {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t kMaxVlan = 4094;

std::uint32_t to_ms(milliseconds duration) {
  constexpr milliseconds::rep kMax = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<milliseconds::rep>(duration.count(), 0, kMax));
}

std::string to_bytes(const MacAddress& mac) {
  return {mac.bytes.begin(), mac.bytes.end()};
}

// ---- to messages

// One row for each timeout, in both directions.
struct TimeoutField {
  const char* name;
  milliseconds ConnTimeouts::*spec;
  std::uint32_t (api::Timeouts::*get)() const;
  void (api::Timeouts::*set)(std::uint32_t);
};
#define LB_TIMEOUT(name) \
  { #name, &ConnTimeouts::name, &api::Timeouts::name, &api::Timeouts::set_##name }
constexpr TimeoutField kTimeouts[] = {
    LB_TIMEOUT(tcp_syn_sent),  LB_TIMEOUT(tcp_syn_received),
    LB_TIMEOUT(tcp_handshake), LB_TIMEOUT(tcp_established),
    LB_TIMEOUT(tcp_fin_wait),  LB_TIMEOUT(tcp_close_wait),
    LB_TIMEOUT(tcp_last_ack),  LB_TIMEOUT(tcp_time_wait),
    LB_TIMEOUT(tcp_closed),    LB_TIMEOUT(udp_unanswered),
    LB_TIMEOUT(udp),
};
#undef LB_TIMEOUT

void put(const ConnTimeouts& from, api::Timeouts& to) {
  for (const TimeoutField& field : kTimeouts) (to.*field.set)(to_ms(from.*field.spec));
}

void put(const ConnLimits& from, api::Limits& to) {
  to.set_new_per_second(from.new_per_second);
  to.set_new_per_second_per_client(from.new_per_second_per_client);
  to.set_client_prefix(from.client_prefix);
  to.set_burst_ms(to_ms(from.burst));
}

// Of each prefix: the bytes of its address, 4 or 16, and how many of them there are; its length.
std::string to_bytes(const std::vector<Prefix>& prefixes) {
  std::string bytes;
  bytes.reserve(prefixes.size() * 6);  // most are of IPv4
  for (const Prefix& prefix : prefixes) {
    const auto address = prefix.address.bytes();
    bytes += static_cast<char>(address.size());
    bytes += static_cast<char>(prefix.length);
    bytes.append(address.begin(), address.end());
  }
  return bytes;
}

void put(const RealServerSpec& from, api::RealServer& to) {
  to.set_address(lb::to_bytes(from.address.address));
  to.set_port(from.address.port);
  to.set_weight(from.weight);
  to.set_max_connections(from.max_connections);
  to.set_resume_connections(from.resume_connections);
  if (from.mode) to.set_mode(to_api(*from.mode));
  to.set_up(from.up);
  if (from.healthy) to.set_healthy(*from.healthy);
  to.set_keep_connections(from.keep_connections);
  to.set_end_connections(from.end_connections);
  if (from.next_hop) *to.mutable_next_hop() = to_api(*from.next_hop);
  to.set_local(from.local);
}

void put(const ServiceSpec& from, api::Service& to) {
  to.set_name(from.name);
  to.set_protocol(to_api(from.protocol));
  for (const EndpointRange& range : from.addresses) *to.add_addresses() = to_api(range);
  to.set_mode(to_api(from.mode));
  to.set_scheduler(to_api(from.scheduler));
  to.set_on_server_down(to_api(from.on_server_down));
  to.set_one_packet(from.one_packet);
  to.set_sync(from.sync);
  to.set_standby(from.standby);
  if (from.table_share) to.set_table_share(*from.table_share);
  to.set_persistence_ms(to_ms(from.persistence));
  to.set_persistence_prefix(from.persistence_prefix);
  to.set_group(from.group);
  if (from.limits != ConnLimits{}) put(from.limits, *to.mutable_limits());
  if (from.timeouts) put(*from.timeouts, *to.mutable_timeouts());
  if (from.tos) to.set_tos(*from.tos);
  to.set_syn_proxy(to_api(from.syn_proxy));
  to.set_syn_proxy_threshold(from.syn_proxy_threshold);
  for (const RealServerSpec& server : from.real_servers) put(server, *to.add_real_servers());
}

// ---- from messages

Result<std::uint16_t> checked16(std::uint32_t value, std::uint32_t limit, const char* what) {
  if (value <= limit) return static_cast<std::uint16_t>(value);
  return fail(std::string(what) + " " + std::to_string(value) + " is above " +
              std::to_string(limit));
}

Result<Endpoint> endpoint(const std::string& bytes, std::uint32_t port) {
  const auto address = to_address(bytes);
  if (!address) return tl::make_unexpected(address.error());
  const auto checked = checked16(port, 65'535, "port");
  if (!checked) return tl::make_unexpected(checked.error());
  return Endpoint{*address, *checked};
}

Result<EndpointRange> address_range(const api::AddressRange& message) {
  const auto first = endpoint(message.address(), message.first_port());
  if (!first) return tl::make_unexpected(first.error());
  const auto last = checked16(message.last_port(), 65'535, "port");
  if (!last) return tl::make_unexpected(last.error());
  return EndpointRange{first->address, first->port, *last};
}

std::optional<MacAddress> mac_address(const std::string& bytes) {
  MacAddress mac;
  if (bytes.size() != mac.bytes.size()) return std::nullopt;
  std::memcpy(mac.bytes.data(), bytes.data(), bytes.size());
  return mac;
}

Result<RealServerSpec> real_server(const api::RealServer& message) {
  RealServerSpec spec;
  const auto address = endpoint(message.address(), message.port());
  if (!address) return fail("real server: " + address.error().message);
  const auto failed = [&](const Error& error) {
    return fail("real server " + address->to_string() + ": " + error.message);
  };
  const auto weight = checked16(message.weight(), 65'535, "weight");
  if (!weight) return failed(weight.error());
  spec.address = *address;
  spec.weight = *weight;
  spec.max_connections = message.max_connections();
  spec.resume_connections = message.resume_connections();
  if (message.has_mode()) {
    const auto mode = from_api(message.mode());
    if (!mode) return failed(mode.error());
    spec.mode = *mode;
  }
  spec.up = message.up();
  if (message.has_healthy()) spec.healthy = message.healthy();
  spec.keep_connections = message.keep_connections();
  spec.end_connections = message.end_connections();
  if (message.has_next_hop()) {
    auto hop = from_api(message.next_hop());
    if (!hop) return failed(Error{"next hop: " + hop.error().message});
    spec.next_hop = std::move(*hop);
  }
  spec.local = message.local();
  return spec;
}

Result<std::vector<Prefix>> prefixes(std::string_view bytes) {
  std::vector<Prefix> out;
  out.reserve(bytes.size() / 6);
  while (!bytes.empty()) {
    const std::size_t size = static_cast<std::uint8_t>(bytes[0]);
    if (bytes.size() < 2 + size) return fail("access list: the last prefix is truncated");
    const auto address = address_from_bytes(bytes.substr(2, size));
    if (!address)
      return fail("access list: an address has 4 or 16 bytes, not " + std::to_string(size));
    const auto length = static_cast<std::uint8_t>(bytes[1]);
    if (length > address->bits()) {
      return fail("access list: a prefix has at most " + std::to_string(address->bits()) + " bits");
    }
    out.emplace_back(*address, length);
    bytes.remove_prefix(2 + size);
  }
  return out;
}

Result<SharedAccessList> access_list(const api::AccessList& message) {
  auto allow = prefixes(message.allow());
  if (!allow) return tl::make_unexpected(allow.error());
  auto deny = prefixes(message.deny());
  if (!deny) return tl::make_unexpected(deny.error());
  return SharedAccessList({std::move(*allow), std::move(*deny), message.others()});
}

ConnLimits limits(const api::Limits& message) {
  ConnLimits spec;
  spec.new_per_second = message.new_per_second();
  spec.new_per_second_per_client = message.new_per_second_per_client();
  // What does not fit is refused by check().
  spec.client_prefix =
      static_cast<std::uint8_t>(std::min<std::uint32_t>(message.client_prefix(), 255));
  spec.burst = milliseconds(message.burst_ms());
  return spec;
}

Result<ConnTimeouts> timeouts(const api::Timeouts& message) {
  ConnTimeouts spec;
  for (const TimeoutField& field : kTimeouts) {
    const std::uint32_t ms = (message.*field.get)();
    if (ms == 0) return fail(std::string("timeout ") + field.name + " is not set");
    spec.*field.spec = milliseconds(ms);
  }
  return spec;
}

// The settings that are enumerations.
Result<void> set_enums(const api::Service& message, ServiceSpec& spec) {
  const auto protocol = from_api(message.protocol());
  if (!protocol) return tl::make_unexpected(protocol.error());
  const auto mode = from_api(message.mode());
  if (!mode) return tl::make_unexpected(mode.error());
  const auto scheduler = from_api(message.scheduler());
  if (!scheduler) return tl::make_unexpected(scheduler.error());
  const auto on_server_down = from_api(message.on_server_down());
  if (!on_server_down) return tl::make_unexpected(on_server_down.error());
  const auto syn_proxy = from_api(message.syn_proxy());
  if (!syn_proxy) return tl::make_unexpected(syn_proxy.error());
  spec.syn_proxy = *syn_proxy;
  spec.protocol = *protocol;
  spec.mode = *mode;
  spec.scheduler = *scheduler;
  spec.on_server_down = *on_server_down;
  return {};
}

Result<ServiceSpec> service(const api::Service& message,
                            const std::vector<SharedAccessList>& lists) {
  ServiceSpec spec;
  const auto failed = [&](const Error& error) {
    return fail("service " + message.name() + ": " + error.message);
  };
  spec.name = message.name();
  if (auto set = set_enums(message, spec); !set) return failed(set.error());
  spec.addresses.clear();
  for (const auto& entry : message.addresses()) {
    const auto range = address_range(entry);
    if (!range) return failed(range.error());
    spec.addresses.push_back(*range);
  }
  spec.one_packet = message.one_packet();
  spec.syn_proxy_threshold = message.syn_proxy_threshold();
  spec.sync = message.sync();
  spec.standby = message.standby();
  if (message.has_table_share()) {
    if (message.table_share() > 100) {
      return failed(Error{"table share " + std::to_string(message.table_share()) +
                          " % is more than the whole table"});
    }
    spec.table_share = static_cast<std::uint8_t>(message.table_share());
  }
  spec.persistence = milliseconds(message.persistence_ms());
  const std::uint32_t prefix = message.persistence_prefix();
  if (prefix > 32 || (prefix == 0 && message.persistence_ms() != 0)) {
    return failed(Error{"persistence_prefix " + std::to_string(prefix) + " is not 1 to 32"});
  }
  spec.persistence_prefix = static_cast<std::uint8_t>(prefix);
  spec.group = message.group();
  if (message.access_list() > lists.size()) return failed(Error{"there is no such access list"});
  if (message.access_list() != 0) spec.access = lists[message.access_list() - 1];
  if (message.has_limits()) spec.limits = limits(message.limits());
  if (message.has_timeouts()) {
    const auto own = timeouts(message.timeouts());
    if (!own) return failed(own.error());
    spec.timeouts = *own;
  }
  if (message.has_tos()) {
    if (message.tos() > 252 || message.tos() % 4 != 0) {
      return failed(
          Error{"tos " + std::to_string(message.tos()) + " is no multiple of 4 up to 252"});
    }
    spec.tos = static_cast<std::uint8_t>(message.tos());
  }
  for (const auto& entry : message.real_servers()) {
    auto server = real_server(entry);
    if (!server) return failed(server.error());
    spec.real_servers.push_back(std::move(*server));
  }
  return spec;
}

Result<void> set_ports(const api::Snapshot& message, SnapshotSpec& spec) {
  for (const auto& entry : message.port_addresses()) {
    const auto vlan = checked16(entry.vlan(), kMaxVlan, "VLAN");
    const auto address = to_address(entry.address());
    if (!vlan) return fail("port " + entry.port() + ": " + vlan.error().message);
    if (!address) return fail("port " + entry.port() + ": " + address.error().message);
    spec.port_addresses.push_back({entry.port(), *vlan, *address});
  }
  for (const auto& entry : message.port_macs()) {
    const auto mac = mac_address(entry.mac());
    if (!mac) {
      return fail("port " + entry.port() + ": a MAC address has 6 bytes and is not a group's");
    }
    spec.port_macs.push_back({entry.port(), *mac});
  }
  for (const std::string& entry : message.own_addresses()) {
    const auto own = to_address(entry);
    if (!own) return fail("own address: " + own.error().message);
    spec.own_addresses.push_back(*own);
  }
  for (const std::string& entry : message.held_addresses()) {
    const auto held = to_address(entry);
    if (!held) return fail("held address: " + held.error().message);
    spec.held_addresses.push_back(*held);
  }
  return read_ingress(message, spec);
}

}  // namespace

api::NextHop to_api(const NextHopSpec& spec) {
  api::NextHop message;
  message.set_port(spec.port);
  message.set_vlan(spec.vlan);
  message.set_mac(to_bytes(spec.mac));
  return message;
}

Result<NextHopSpec> from_api(const api::NextHop& message) {
  const auto vlan = checked16(message.vlan(), kMaxVlan, "VLAN");
  if (!vlan) return tl::make_unexpected(vlan.error());
  const auto mac = mac_address(message.mac());
  if (!mac) return fail("a MAC address has 6 bytes");
  return NextHopSpec{message.port(), *vlan, *mac};
}

api::AddressRange to_api(const EndpointRange& range) {
  api::AddressRange message;
  message.set_address(to_bytes(range.address));
  message.set_first_port(range.first);
  message.set_last_port(range.last);
  return message;
}

api::Snapshot to_api(const SnapshotSpec& spec) {
  api::Snapshot message;
  message.set_generation(spec.generation);
  for (const PortAddressSpec& from : spec.port_addresses) {
    api::PortAddress& to = *message.add_port_addresses();
    to.set_port(from.port);
    to.set_vlan(from.vlan);
    to.set_address(to_bytes(from.address));
  }
  for (const PortMacSpec& from : spec.port_macs) {
    api::PortMac& to = *message.add_port_macs();
    to.set_port(from.port);
    to.set_mac(to_bytes(from.mac));
  }
  for (const Address& own : spec.own_addresses) message.add_own_addresses(to_bytes(own));
  for (const Address& held : spec.held_addresses) message.add_held_addresses(to_bytes(held));
  put_ingress(spec, message);
  put(spec.timeouts, *message.mutable_timeouts());
  std::map<SharedAccessList, std::uint32_t> places;  // from 1
  for (const ServiceSpec& from : spec.services) {
    api::Service& to = *message.add_services();
    put(from, to);
    if (!from.access) continue;
    const auto [place, is_new] = places.emplace(from.access, places.size() + 1);
    to.set_access_list(place->second);
    if (!is_new) continue;
    api::AccessList& list = *message.add_access_lists();
    list.set_allow(to_bytes(from.access->allow));
    list.set_deny(to_bytes(from.access->deny));
    list.set_others(from.access->others);
  }
  return message;
}

Result<SnapshotSpec> from_api(const api::Snapshot& message) {
  SnapshotSpec spec;
  spec.generation = message.generation();
  std::vector<SharedAccessList> lists;
  for (const auto& entry : message.access_lists()) {
    auto list = access_list(entry);
    if (!list) return tl::make_unexpected(list.error());
    lists.push_back(std::move(*list));
  }
  if (auto set = set_ports(message, spec); !set) return tl::make_unexpected(set.error());
  const auto common = timeouts(message.timeouts());
  if (!common) return tl::make_unexpected(common.error());
  spec.timeouts = *common;
  for (const auto& entry : message.services()) {
    auto one = service(entry, lists);
    if (!one) return tl::make_unexpected(one.error());
    spec.services.push_back(std::move(*one));
  }
  return spec;
}

}  // namespace lb
