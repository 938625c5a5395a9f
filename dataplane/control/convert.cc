#include "dataplane/control/convert.h"

#include <algorithm>
#include <cstring>

#include "dataplane/api/enum_codec.h"

namespace lb {

namespace {

constexpr std::uint32_t kMaxVlan = 4094;

constexpr std::uint32_t to_ticks(std::uint32_t ms) {
  return ms / kTickMs + (ms % kTickMs == 0 ? 0 : 1);
}

Result<std::uint8_t> port_index(const std::string& name, const std::vector<PortInfo>& ports) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return static_cast<std::uint8_t>(i);
  }
  return fail("there is no port '" + name + "'");
}

Result<std::uint16_t> checked16(std::uint32_t value, std::uint32_t limit, const char* what) {
  if (value <= limit) return static_cast<std::uint16_t>(value);
  return fail(std::string(what) + " " + std::to_string(value) + " is above " +
              std::to_string(limit));
}

Result<Ipv4Endpoint> endpoint(const std::string& bytes, std::uint32_t port) {
  const auto address = to_address(bytes);
  if (!address) return tl::make_unexpected(address.error());
  const auto checked = checked16(port, 65'535, "port");
  if (!checked) return tl::make_unexpected(checked.error());
  return Ipv4Endpoint{*address, *checked};
}

Result<Ipv4EndpointRange> address_range(const api::AddressRange& message) {
  const auto first = endpoint(message.address(), message.first_port());
  if (!first) return tl::make_unexpected(first.error());
  const auto last = checked16(message.last_port(), 65'535, "port");
  if (!last) return tl::make_unexpected(last.error());
  return Ipv4EndpointRange{first->address, first->port, *last};
}

Result<NextHopSpec> next_hop(const api::NextHop& message, const std::vector<PortInfo>& ports) {
  NextHopSpec hop;
  const auto port = port_index(message.port(), ports);
  if (!port) return tl::make_unexpected(port.error());
  const auto vlan = checked16(message.vlan(), kMaxVlan, "VLAN");
  if (!vlan) return tl::make_unexpected(vlan.error());
  if (message.mac().size() != hop.mac.bytes.size()) return fail("a MAC address has 6 bytes");
  hop.port = *port;
  hop.vlan = *vlan;
  std::memcpy(hop.mac.bytes.data(), message.mac().data(), hop.mac.bytes.size());
  return hop;
}

Result<RealServerSpec> real_server(const api::RealServer& message,
                                   const std::vector<PortInfo>& ports) {
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
  spec.up = message.up();
  spec.unchecked = message.unchecked();
  spec.end = message.end();
  if (message.has_mode()) {
    const auto mode = from_api(message.mode());
    if (!mode) return failed(mode.error());
    spec.mode = *mode;
  }
  if (message.has_next_hop()) {
    const auto hop = next_hop(message.next_hop(), ports);
    if (!hop) return failed(Error{"next hop: " + hop.error().message});
    spec.resolved = true;
    spec.next_hop = *hop;
  }
  return spec;
}

Result<std::vector<Ipv4Prefix>> prefixes(const std::string& bytes) {
  constexpr std::size_t kBytes = 5;
  std::vector<Ipv4Prefix> out;
  for (std::size_t at = 0; at + kBytes <= bytes.size(); at += kBytes) {
    Ipv4Prefix prefix;
    std::memcpy(&prefix.address.be.raw, bytes.data() + at, sizeof prefix.address.be.raw);
    prefix.length = static_cast<std::uint8_t>(bytes[at + kBytes - 1]);
    if (prefix.length > 32) return fail("access list: a prefix has at most 32 bits");
    out.push_back(prefix);
  }
  if (bytes.size() % kBytes != 0) return fail("access list: a prefix has 5 bytes");
  return out;
}

Result<NamedAccessList> access_list(const api::AccessList& message, const SnapshotSpec* before) {
  NamedAccessList out;
  out.source = message.SerializeAsString();
  if (before != nullptr) {
    const auto known =
        std::ranges::find(before->access_lists, out.source, &NamedAccessList::source);
    if (known != before->access_lists.end()) return *known;
  }
  AccessList::Rules rules;
  auto allow = prefixes(message.allow());
  if (!allow) return tl::make_unexpected(allow.error());
  auto deny = prefixes(message.deny());
  if (!deny) return tl::make_unexpected(deny.error());
  rules.allow = std::move(*allow);
  rules.deny = std::move(*deny);
  rules.others = message.others();
  out.list = std::make_shared<const AccessList>(rules);
  return out;
}

LimitSpec limits(const api::Limits& message) {
  LimitSpec spec;
  spec.per_second = message.new_per_second();
  spec.per_second_per_client = message.new_per_second_per_client();
  // What does not fit is refused by check().
  spec.client_prefix =
      static_cast<std::uint8_t>(std::min<std::uint32_t>(message.client_prefix(), 255));
  spec.burst_ms = message.burst_ms();
  return spec;
}

Result<TimeoutTicks> to_ticks(const api::Timeouts& message) {
  TimeoutTicks ticks{};
  struct Entry {
    ConnState state;
    std::uint32_t ms;
    const char* name;
  };
  const Entry entries[] = {
      {ConnState::kSynSent, message.tcp_syn_sent(), "tcp_syn_sent"},
      {ConnState::kSynReceived, message.tcp_syn_received(), "tcp_syn_received"},
      {ConnState::kEstablished, message.tcp_established(), "tcp_established"},
      {ConnState::kFinWait, message.tcp_fin_wait(), "tcp_fin_wait"},
      {ConnState::kCloseWait, message.tcp_close_wait(), "tcp_close_wait"},
      {ConnState::kLastAck, message.tcp_last_ack(), "tcp_last_ack"},
      {ConnState::kTimeWait, message.tcp_time_wait(), "tcp_time_wait"},
      {ConnState::kClosed, message.tcp_closed(), "tcp_closed"},
      {ConnState::kUdp, message.udp(), "udp"},
  };
  for (const Entry& entry : entries) {
    if (entry.ms == 0) return fail(std::string("timeout ") + entry.name + " is not set");
    ticks[static_cast<std::size_t>(entry.state)] = to_ticks(entry.ms);
  }
  return ticks;
}

Result<ServiceSpec> service(const api::Service& message, const std::vector<PortInfo>& ports,
                            const std::vector<NamedAccessList>& lists) {
  ServiceSpec spec;
  const auto failed = [&](const Error& error) {
    return fail("service " + message.name() + ": " + error.message);
  };
  const auto protocol = from_api(message.protocol());
  if (!protocol) return failed(protocol.error());
  const auto address = endpoint(message.address(), message.port());
  if (!address) return failed(address.error());
  for (const auto& entry : message.addresses()) {
    const auto range = address_range(entry);
    if (!range) return failed(range.error());
    spec.addresses.push_back(*range);
  }
  const auto mode = from_api(message.mode());
  if (!mode) return failed(mode.error());
  const auto scheduler = from_api(message.scheduler());
  if (!scheduler) return failed(scheduler.error());
  const auto on_server_down = from_api(message.on_server_down());
  if (!on_server_down) return failed(on_server_down.error());
  spec.name = message.name();
  spec.proto = static_cast<std::uint8_t>(*protocol);
  spec.address = *address;
  spec.mode = *mode;
  spec.scheduler = *scheduler;
  spec.on_server_down = *on_server_down;
  spec.sync = !message.no_sync();
  spec.standby = message.standby();
  spec.persistence_ticks = to_ticks(message.persistence_ms());
  if (spec.persistence_ticks != 0) {
    if (message.persistence_prefix() < 1 || message.persistence_prefix() > 32) {
      return failed(Error{"persistence_prefix " + std::to_string(message.persistence_prefix()) +
                          " is not 1 to 32"});
    }
    spec.persistence_prefix = static_cast<std::uint8_t>(message.persistence_prefix());
    spec.group = message.group();
  }
  if (message.access_list() > lists.size()) return failed(Error{"there is no such access list"});
  if (message.access_list() != 0) spec.access = lists[message.access_list() - 1].list;
  if (message.has_limits()) spec.limits = limits(message.limits());
  spec.one_packet = message.one_packet();
  if (message.has_timeouts()) {
    const auto ticks = to_ticks(message.timeouts());
    if (!ticks) return failed(ticks.error());
    spec.timeout_ticks = *ticks;
  }
  for (const auto& entry : message.real_servers()) {
    auto rs = real_server(entry, ports);
    if (!rs) return failed(rs.error());
    spec.real_servers.push_back(*rs);
  }
  return spec;
}

Result<void> add_addresses(const api::Snapshot& message, std::vector<PortInfo>& ports) {
  for (const auto& entry : message.port_addresses()) {
    const auto port = port_index(entry.port(), ports);
    if (!port) return fail("port address: " + port.error().message);
    const auto vlan = checked16(entry.vlan(), kMaxVlan, "VLAN");
    const auto address = to_address(entry.address());
    if (!vlan) return fail("port " + entry.port() + ": " + vlan.error().message);
    if (!address) return fail("port " + entry.port() + ": " + address.error().message);
    ports[*port].addresses.push_back({*vlan, address->be});
  }
  return {};
}

Result<void> set_macs(const api::Snapshot& message, std::vector<PortInfo>& ports) {
  for (const auto& entry : message.port_macs()) {
    const auto port = port_index(entry.port(), ports);
    if (!port) return fail("port MAC address: " + port.error().message);
    auto& mac = ports[*port].mac;
    if (entry.mac().size() != mac.size() || (entry.mac()[0] & 1) != 0) {
      return fail("port " + entry.port() + ": a MAC address has 6 bytes and is not a group's");
    }
    std::memcpy(mac.data(), entry.mac().data(), mac.size());
  }
  return {};
}

}  // namespace

std::string to_bytes(Be32 address) {
  std::string bytes(sizeof(address.raw), '\0');
  std::memcpy(bytes.data(), &address.raw, sizeof(address.raw));
  return bytes;
}

Result<Ipv4Address> to_address(const std::string& bytes) {
  Ipv4Address address;
  if (bytes.size() != sizeof(address.be.raw)) {
    return fail("an IPv4 address has 4 bytes, not " + std::to_string(bytes.size()));
  }
  std::memcpy(&address.be.raw, bytes.data(), sizeof(address.be.raw));
  return address;
}

Result<SnapshotSpec> to_spec(const api::Snapshot& message, std::vector<PortInfo> ports,
                             const SnapshotSpec* before) {
  SnapshotSpec spec;
  for (const auto& entry : message.access_lists()) {
    auto list = access_list(entry, before);
    if (!list) return tl::make_unexpected(list.error());
    spec.access_lists.push_back(std::move(*list));
  }
  for (auto& port : ports) port.addresses.clear();
  if (auto added = add_addresses(message, ports); !added) {
    return tl::make_unexpected(added.error());
  }
  if (auto set = set_macs(message, ports); !set) return tl::make_unexpected(set.error());
  const auto ticks = to_ticks(message.timeouts());
  if (!ticks) return tl::make_unexpected(ticks.error());
  spec.timeout_ticks = *ticks;
  for (const std::string& entry : message.own_addresses()) {
    const auto own = to_address(entry);
    if (!own) return fail("own address: " + own.error().message);
    spec.own_addresses.push_back(own->be);
  }
  for (const auto& entry : message.services()) {
    auto one = service(entry, ports, spec.access_lists);
    if (!one) return tl::make_unexpected(one.error());
    spec.services.push_back(std::move(*one));
  }
  spec.ports = std::move(ports);
  return spec;
}

}  // namespace lb
