// The canonical form: every key that has a meaning, defaults written out.
#include <fmt/format.h>

#include "config/cpu_list.h"
#include "config/load.h"
#include "config/printer.h"

namespace lb::config {
namespace {

void print_tcp_timeouts(Printer& out, const Timeouts& timeouts) {
  out.duration("tcp_syn_sent", timeouts.tcp_syn_sent);
  out.duration("tcp_syn_received", timeouts.tcp_syn_received);
  out.duration("tcp_established", timeouts.tcp_established);
  out.duration("tcp_fin_wait", timeouts.tcp_fin_wait);
  out.duration("tcp_close_wait", timeouts.tcp_close_wait);
  out.duration("tcp_last_ack", timeouts.tcp_last_ack);
  out.duration("tcp_time_wait", timeouts.tcp_time_wait);
  out.duration("tcp_closed", timeouts.tcp_closed);
}

void print_dataplane(Printer& out, const Dataplane& dataplane) {
  out.table("[dataplane]");
  out.number("main_lcore", dataplane.main_lcore);
  out.text("lcores", print_cpu_list(dataplane.lcores));
  out.text("memory", name_of(dataplane.memory));
  out.number("memory_mb", dataplane.memory_mb);
  out.number("max_connections", dataplane.max_connections);
  out.number("max_persistence", dataplane.max_persistence);
  out.text("idle", name_of(dataplane.idle));
  if (!dataplane.drivers.empty()) out.text("drivers", dataplane.drivers);
  out.number("punt_limit_pps", dataplane.punt_limit_pps);

  out.table("[dataplane.timeouts]");
  print_tcp_timeouts(out, dataplane.timeouts);
  out.duration("udp", dataplane.timeouts.udp);
}

void print_port(Printer& out, const Port& port) {
  out.table("[[port]]");
  out.text("name", port.name);
  out.text("device", port.device);
  out.number("mtu", port.mtu);
  out.prefixes("addresses", port.addresses);
  for (const Vlan& vlan : port.vlans) {
    out.table("[[port.vlan]]");
    out.text("name", vlan.name);
    out.number("id", vlan.id);
    out.prefixes("addresses", vlan.addresses);
  }
}

void print_access(Printer& out, const Access& access) {
  if (!access.allow.empty()) out.prefixes("allow", access.allow);
  if (!access.allow_file.empty()) out.text("allow_file", access.allow_file);
  if (!access.deny.empty()) out.prefixes("deny", access.deny);
  if (!access.deny_file.empty()) out.text("deny_file", access.deny_file);
}

void print_limits(Printer& out, const Limits& limits) {
  if (!limits.any()) return;
  out.table("[service.limits]");
  out.number("new_per_second", limits.new_per_second);
  out.number("new_per_second_per_client", limits.new_per_second_per_client);
  out.number("client_prefix", limits.client_prefix);
  out.duration("burst", limits.burst);
}

// Most services have the plain quorum: one server.
void print_quorum(Printer& out, const Service& service) {
  const Service plain;
  if (service.quorum != plain.quorum) out.number("quorum", service.quorum);
  if (service.quorum_hysteresis != 0) out.number("quorum_hysteresis", service.quorum_hysteresis);
  if (!service.quorum_up.empty()) out.texts("quorum_up", service.quorum_up);
  if (!service.quorum_down.empty()) out.texts("quorum_down", service.quorum_down);
  if (!service.quorum_user.empty()) out.text("quorum_user", service.quorum_user);
  if (!service.sorry_server) return;
  out.table("[service.sorry_server]");
  out.text("address", service.sorry_server->address.to_string());
  out.text("mode", name_of(service.sorry_server->mode));
}

void print_service(Printer& out, const Service& service) {
  out.table("[[service]]");
  out.text("name", service.name);
  if (service.has_single_endpoint()) {
    out.text("address", service.primary_endpoint().to_string());
  } else {
    out.endpoint_ranges("addresses", service.addresses);
  }
  out.text("protocol", name_of(service.protocol));
  out.text("mode", name_of(service.mode));
  out.text("scheduler", name_of(service.scheduler));
  out.text("on_server_down", name_of(service.on_server_down));
  if (!service.port.empty()) out.text("port", service.port);
  out.boolean("sync", service.sync);
  if (service.one_packet) out.boolean("one_packet", true);
  if (service.persistence.count() != 0) {
    out.duration("persistence", service.persistence);
    out.number("persistence_prefix", service.persistence_prefix);
  }
  if (!service.group.empty()) out.text("group", service.group);
  print_access(out, service.access);
  if (service.slow_start > Milliseconds(0)) out.duration("slow_start", service.slow_start);
  print_quorum(out, service);
  print_limits(out, service.limits);
  if (service.timeouts) {
    out.table("[service.timeouts]");
    if (service.protocol == Protocol::kTcp) print_tcp_timeouts(out, *service.timeouts);
    if (service.protocol == Protocol::kUdp) out.duration("udp", service.timeouts->udp);
  }
  print_check(out, "[service.check]", service.check);
  if (service.agent) print_agent(out, *service.agent);
  for (const RealServer& server : service.real_servers) {
    out.table("[[service.real_server]]");
    out.text("address", server.address.to_string());
    out.number("weight", server.weight);
    if (server.max_connections != 0) {
      out.number("max_connections", server.max_connections);
      out.number("resume_connections", server.resume_connections);
    }
    if (server.check) print_check(out, "[service.real_server.check]", *server.check);
  }
}

void print_health(Printer& out, const Health& health) {
  out.table("[health]");
  out.number("panic_threshold", health.panic_threshold);
  out.duration("panic_window", health.panic_window);
}

// "# deny_file holds 3 prefixes, 5f3a09c1d2e4b687": a comment that tells two lists apart.
std::string contents(std::string_view key, const std::vector<Ipv4Prefix>& prefixes) {
  std::uint64_t digest = 0xcbf29ce484222325;  // FNV-1a
  for (const Ipv4Prefix& prefix : prefixes) {
    digest = (digest ^ prefix.address.host()) * 0x100000001b3;
    digest = (digest ^ prefix.length) * 0x100000001b3;
  }
  return fmt::format("# {} holds {} prefixes, {:016x}\n", key, prefixes.size(), digest);
}

}  // namespace

std::string print(const Config& config) {
  Printer out;
  out.table("[director]");
  out.text("name", config.director.name);
  out.text("run_dir", config.director.run_dir);
  out.text("state_dir", config.director.state_dir);
  if (config.director.auto_reload) out.boolean("auto_reload", true);
  const auto print_set = [&out](const char* key, const std::string& value) {
    if (!value.empty()) out.text(key, value);
  };
  print_set("admin_group", config.director.admin_group);
  print_set("read_group", config.director.read_group);
  print_set("audit_file", config.director.audit_file);
  print_dataplane(out, config.dataplane);
  for (const Port& port : config.ports) print_port(out, port);
  for (const Route& route : config.routes) {
    out.table("[[route]]");
    out.text("destination",
             route.destination.length == 0 ? "default" : route.destination.to_string());
    out.text("via", route.via.to_string());
  }
  for (const Service& service : config.services) print_service(out, service);
  // Without an instance there is nothing in it.
  if (!config.ha.instances.empty()) print_ha(out, config.ha);
  if (config.health != Health{}) print_health(out, config.health);
  if (config.alert != Alert{}) print_alert(out, config.alert);
  return out.take();
}

std::string print_service(const Service& service) {
  Printer out;
  print_service(out, service);
  std::string text = out.take();
  // Two files of one name may hold different prefixes.
  const auto add = [&text](std::string_view key, const std::vector<Ipv4Prefix>& prefixes) {
    if (!prefixes.empty()) text += contents(key, prefixes);
  };
  add("allow_file", service.access.allow_listed);
  add("deny_file", service.access.deny_listed);
  return text;
}

}  // namespace lb::config
