#include "config/parse.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/cpu_list.h"
#include "config/parse_alert.h"
#include "config/parse_check.h"
#include "config/parse_ha.h"

namespace lb::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint32_t kMaxMemoryMb = 1 << 20;
constexpr std::uint32_t kMaxConnections = 200'000'000;
constexpr std::uint32_t kMaxPersistence = 50'000'000;
constexpr std::uint32_t kMaxQuorum = 1'000'000'000;
constexpr std::uint32_t kMaxPuntPps = 100'000'000;
constexpr std::uint32_t kMaxNewPerSecond = 10'000'000;

void parse_director(ReadReport& report, const Node& node, Director& director) {
  TableReader reader(report, node, "director");
  reader.text("name", director.name, Need::kRequired);
  reader.text("run_dir", director.run_dir);
  reader.absolute_path("state_dir", director.state_dir, "\"/var/lib/ballast\"");
  reader.boolean("auto_reload", director.auto_reload);
  // Unlike a text, it may be empty.
  const auto group = [](const std::string& name) -> Result<std::string> { return name; };
  reader.parsed("admin_group", director.admin_group, group, "\"ballast\"", Need::kOptional);
  reader.parsed("read_group", director.read_group, group, "\"ballast-read\"", Need::kOptional);
  reader.absolute_path("audit_file", director.audit_file, "\"/var/log/ballast/audit.log\"");
  reader.finish();
}

void read_timeouts(TableReader& reader, Timeouts& timeouts) {
  const auto timeout = [&reader](std::string_view key, Milliseconds& out) {
    reader.duration(key, out, seconds(1), hours(7 * 24));
  };
  timeout("tcp_syn_sent", timeouts.tcp_syn_sent);
  timeout("tcp_syn_received", timeouts.tcp_syn_received);
  timeout("tcp_established", timeouts.tcp_established);
  timeout("tcp_fin_wait", timeouts.tcp_fin_wait);
  timeout("tcp_close_wait", timeouts.tcp_close_wait);
  timeout("tcp_last_ack", timeouts.tcp_last_ack);
  timeout("tcp_time_wait", timeouts.tcp_time_wait);
  timeout("tcp_closed", timeouts.tcp_closed);
  timeout("udp", timeouts.udp);
}

void parse_timeouts(ReadReport& report, const Node& node, Timeouts& timeouts) {
  TableReader reader(report, node, "dataplane.timeouts");
  read_timeouts(reader, timeouts);
  reader.finish();
}

// The keys of the other protocol are mistakes: who writes `udp` for a TCP service believes that it
// does something.
Timeouts parse_service_timeouts(ReadReport& report, const Node& node, const std::string& path,
                                Protocol protocol, const Timeouts& common) {
  Timeouts timeouts = common;
  TableReader reader(report, node, path);
  const auto reject = [&](std::string_view key) {
    reader.reject(
        key, fmt::format("{} has no meaning for a {} service; remove it", key, name_of(protocol)));
  };
  if (protocol == Protocol::kTcp) {
    reject("udp");
  } else {
    for (const std::string_view key :
         {"tcp_syn_sent", "tcp_syn_received", "tcp_established", "tcp_fin_wait", "tcp_close_wait",
          "tcp_last_ack", "tcp_time_wait", "tcp_closed"}) {
      reject(key);
    }
  }
  read_timeouts(reader, timeouts);
  reader.finish();
  return timeouts;
}

void parse_dataplane(ReadReport& report, const Node& node, Dataplane& dataplane) {
  TableReader reader(report, node, "dataplane");
  reader.number("main_lcore", dataplane.main_lcore, 0u, kMaxCpu);
  reader.parsed("lcores", dataplane.lcores, parse_cpu_list, "\"1-3,5\", the workers' CPUs",
                Need::kRequired);
  std::sort(dataplane.lcores.begin(), dataplane.lcores.end());
  reader.enumeration("memory", dataplane.memory);
  reader.number("memory_mb", dataplane.memory_mb, 64u, kMaxMemoryMb);
  reader.number("max_connections", dataplane.max_connections, 1u, kMaxConnections);
  reader.number("max_persistence", dataplane.max_persistence, 1u, kMaxPersistence);
  reader.enumeration("idle", dataplane.idle);
  reader.absolute_path("drivers", dataplane.drivers, "\"/opt/drivers/net.so\"");
  reader.number("punt_limit_pps", dataplane.punt_limit_pps, 0u, kMaxPuntPps);
  if (const Node* const timeouts = reader.table("timeouts", "dataplane.timeouts")) {
    parse_timeouts(report, *timeouts, dataplane.timeouts);
  }
  reader.finish();
}

Vlan parse_vlan(ReadReport& report, const Node& node, const std::string& path) {
  Vlan vlan;
  TableReader reader(report, node, path);
  vlan.where = Origin{reader.where()};
  reader.text("name", vlan.name, Need::kRequired);
  reader.number<std::uint16_t>("id", vlan.id, 1, 4094, Need::kRequired);
  reader.prefixes("addresses", vlan.addresses);
  reader.finish();
  return vlan;
}

Port parse_port(ReadReport& report, const Node& node, const std::string& path) {
  Port port;
  TableReader reader(report, node, path);
  port.where = Origin{reader.where()};
  reader.text("name", port.name, Need::kRequired);
  reader.text("device", port.device, Need::kRequired);
  reader.number<std::uint16_t>("mtu", port.mtu, 576, 9216);
  reader.prefixes("addresses", port.addresses);
  for (const Node& vlan : reader.tables("vlan", "port.vlan")) {
    port.vlans.push_back(parse_vlan(report, vlan, reader.path_of("vlan", port.vlans.size())));
  }
  reader.finish();
  return port;
}

Result<Ipv4Prefix> parse_destination(std::string_view text) {
  if (text == "default") return Ipv4Prefix{Ipv4Address{}, 0};
  auto prefix = Ipv4Prefix::parse(text);
  if (prefix && prefix->address != prefix->network()) {
    const Ipv4Prefix network{prefix->network(), prefix->length};
    return fail('"' + std::string(text) + "\" is an address in a network; write the network: \"" +
                network.to_string() + '"');
  }
  return prefix;
}

Route parse_route(ReadReport& report, const Node& node, const std::string& path) {
  Route route;
  TableReader reader(report, node, path);
  route.where = Origin{reader.where()};
  reader.parsed("destination", route.destination, parse_destination,
                "\"default\" or \"10.1.0.0/16\"", Need::kRequired);
  reader.parsed("via", route.via, Ipv4Address::parse, "\"192.0.2.1\", the gateway's address",
                Need::kRequired);
  reader.finish();
  return route;
}

// A UDP port does not answer a TCP check, and only its owner knows what else would.
CheckType default_check(Protocol protocol) {
  return protocol == Protocol::kUdp ? CheckType::kNone : CheckType::kTcp;
}

RealServer parse_real_server(ReadReport& report, const Node& node, const std::string& path,
                             Protocol protocol) {
  RealServer server;
  TableReader reader(report, node, path);
  server.where = Origin{reader.where()};
  reader.parsed("address", server.address, Ipv4Endpoint::parse_port_optional, "\"10.0.0.11:80\"",
                Need::kRequired);
  reader.number<std::uint16_t>("weight", server.weight, 0, kMaxWeight);
  reader.number("max_connections", server.max_connections, 0u, kMaxConnections);
  if (server.max_connections == 0) {
    reader.reject("resume_connections",
                  "resume_connections has no meaning without max_connections; give both");
  } else {
    server.resume_connections = server.max_connections - (server.max_connections + 3) / 4;
    reader.number("resume_connections", server.resume_connections, 0u, server.max_connections - 1);
  }
  if (const Node* const check = reader.table("check", "service.real_server.check")) {
    server.check.emplace().type = default_check(protocol);
    parse_check(report, *check, reader.path_of("check"), *server.check);
  }
  reader.finish();
  return server;
}

// Exactly one of the two keys: `address` for a single one.
void parse_service_addresses(TableReader& reader, Service& service) {
  std::vector<Ipv4EndpointRange> ranges;
  reader.endpoint_ranges("addresses", ranges);
  if (!reader.has("addresses")) {
    Ipv4Endpoint single;
    reader.parsed("address", single, Ipv4Endpoint::parse, "\"192.0.2.10:80\"", Need::kRequired);
    service.addresses = {{single.address, single.port, single.port}};
    return;
  }
  reader.reject("address", "a service has address or addresses; put this one into the list");
  if (ranges.empty()) {
    reader.reject("addresses", "addresses is empty; write [\"192.0.2.10:80\"]");
    return;
  }
  service.addresses = std::move(ranges);
}

void parse_access(TableReader& reader, Access& access) {
  reader.client_prefixes("allow", access.allow);
  reader.client_prefixes("deny", access.deny);
  reader.absolute_path("allow_file", access.allow_file, "\"/etc/ballast/allow.txt\"");
  reader.absolute_path("deny_file", access.deny_file, "\"/etc/ballast/deny.txt\"");
  if (reader.has("allow") && access.allow.empty()) {
    reader.reject("allow",
                  "allow is empty, which would keep everyone out; name who may connect, or "
                  "leave it out");
  }
}

void parse_limits(ReadReport& report, const Node& node, const std::string& path, Limits& limits) {
  TableReader reader(report, node, path);
  reader.number("new_per_second", limits.new_per_second, 0u, kMaxNewPerSecond);
  reader.number("new_per_second_per_client", limits.new_per_second_per_client, 0u,
                kMaxNewPerSecond);
  reader.number<std::uint8_t>("client_prefix", limits.client_prefix, 1, 32);
  reader.duration("burst", limits.burst, Milliseconds(100), hours(1));
  reader.finish();
}

void parse_quorum(ReadReport& report, TableReader& reader, Service& service) {
  reader.number("quorum", service.quorum, 1u, kMaxQuorum);
  reader.number("quorum_hysteresis", service.quorum_hysteresis, 0u, kMaxQuorum);
  reader.texts("quorum_up", service.quorum_up, "[\"/etc/ballast/quorum.sh\", \"up\"]");
  reader.texts("quorum_down", service.quorum_down, "[\"/etc/ballast/quorum.sh\", \"down\"]");
  reader.text("quorum_user", service.quorum_user);
  const Node* const node = reader.table("sorry_server", "service.sorry_server");
  if (node == nullptr) return;
  TableReader sorry(report, *node, reader.path_of("sorry_server"));
  service.sorry_server.emplace();
  service.sorry_server->where = Origin{sorry.where()};
  sorry.parsed("address", service.sorry_server->address, Ipv4Endpoint::parse_port_optional,
               "\"10.0.0.99:80\"", Need::kRequired);
  service.sorry_server->mode = service.mode;
  sorry.enumeration("mode", service.sorry_server->mode);
  sorry.finish();
}

Service parse_service(ReadReport& report, const Node& node, const std::string& path,
                      const Timeouts& timeouts) {
  Service service;
  TableReader reader(report, node, path);
  service.where = Origin{reader.where()};
  reader.text("name", service.name, Need::kRequired);
  parse_service_addresses(reader, service);
  reader.enumeration("protocol", service.protocol);
  reader.enumeration("mode", service.mode);
  reader.enumeration("scheduler", service.scheduler);
  reader.enumeration("on_server_down", service.on_server_down);
  reader.text("port", service.port);
  reader.boolean("sync", service.sync);
  reader.boolean("one_packet", service.one_packet);
  reader.duration("persistence", service.persistence, Milliseconds(0), hours(7 * 24));
  reader.number<std::uint8_t>("persistence_prefix", service.persistence_prefix, 1, 32);
  reader.text("group", service.group);
  if (service.persistence == Milliseconds(0)) {
    for (const std::string_view key : {"persistence_prefix", "group"}) {
      reader.reject(key, fmt::format("{} has no meaning without persistence; remove it, or add "
                                     "persistence = \"5m\"",
                                     key));
    }
  }
  reader.duration("slow_start", service.slow_start, Milliseconds(0), hours(1));
  parse_quorum(report, reader, service);
  parse_access(reader, service.access);
  if (const Node* const limits = reader.table("limits", "service.limits")) {
    parse_limits(report, *limits, reader.path_of("limits"), service.limits);
  }
  if (const Node* const own = reader.table("timeouts", "service.timeouts")) {
    service.timeouts = parse_service_timeouts(report, *own, reader.path_of("timeouts"),
                                              service.protocol, timeouts);
  }
  service.check.type = default_check(service.protocol);
  if (const Node* const check = reader.table("check", "service.check")) {
    parse_check(report, *check, reader.path_of("check"), service.check);
  }
  if (const Node* const agent = reader.table("agent", "service.agent")) {
    parse_agent(report, *agent, reader.path_of("agent"), service.agent.emplace());
  }
  for (const Node& server : reader.tables("real_server", "service.real_server")) {
    service.real_servers.push_back(parse_real_server(
        report, server, reader.path_of("real_server", service.real_servers.size()),
        service.protocol));
  }
  reader.finish();
  return service;
}

void parse_health(ReadReport& report, const Node& node, Health& health) {
  TableReader reader(report, node, "health");
  reader.number("panic_threshold", health.panic_threshold, 0u, 99u);
  reader.duration("panic_window", health.panic_window, seconds(1), minutes(10));
  reader.finish();
}

}  // namespace

Config parse(const Node& root, ReadReport& report) {
  Config config;
  TableReader reader(report, root, "");
  if (const Node* const node = reader.table("director", "director", Need::kRequired)) {
    parse_director(report, *node, config.director);
  }
  if (const Node* const node = reader.table("dataplane", "dataplane", Need::kRequired)) {
    parse_dataplane(report, *node, config.dataplane);
  }
  for (const Node& node : reader.tables("port", "port")) {
    config.ports.push_back(parse_port(report, node, reader.path_of("port", config.ports.size())));
  }
  for (const Node& node : reader.tables("route", "route")) {
    config.routes.push_back(
        parse_route(report, node, reader.path_of("route", config.routes.size())));
  }
  for (const Node& node : reader.tables("service", "service")) {
    config.services.push_back(parse_service(report, node,
                                            reader.path_of("service", config.services.size()),
                                            config.dataplane.timeouts));
  }
  if (const Node* const node = reader.table("ha", "ha")) parse_ha(report, *node, config.ha);
  if (const Node* const node = reader.table("health", "health")) {
    parse_health(report, *node, config.health);
  }
  if (const Node* const node = reader.table("alert", "alert")) {
    parse_alert(report, *node, config.alert);
  }
  reader.finish();
  return config;
}

}  // namespace lb::config
