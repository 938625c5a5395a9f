// The canonical form: every key that has a meaning, defaults written out.
#include "config/cpu_list.h"
#include "config/load.h"
#include "config/printer.h"
#include "config/words.h"

namespace lb::config {
namespace {

void print_dataplane(Printer& out, const Dataplane& dataplane) {
  out.table("[dataplane]");
  out.number("main_lcore", dataplane.main_lcore);
  out.text("lcores", print_cpu_list(dataplane.lcores));
  out.text("memory", to_text(dataplane.memory));
  out.number("memory_mb", dataplane.memory_mb);
  out.number("max_connections", dataplane.max_connections);
  out.number("max_persistence", dataplane.max_persistence);
  out.text("idle", to_text(dataplane.idle));
  if (!dataplane.drivers.empty()) out.text("drivers", dataplane.drivers);
  out.number("punt_limit_pps", dataplane.punt_limit_pps);

  const Timeouts& timeouts = dataplane.timeouts;
  out.table("[dataplane.timeouts]");
  out.duration("tcp_syn_sent", timeouts.tcp_syn_sent);
  out.duration("tcp_syn_received", timeouts.tcp_syn_received);
  out.duration("tcp_established", timeouts.tcp_established);
  out.duration("tcp_fin_wait", timeouts.tcp_fin_wait);
  out.duration("tcp_close_wait", timeouts.tcp_close_wait);
  out.duration("tcp_last_ack", timeouts.tcp_last_ack);
  out.duration("tcp_time_wait", timeouts.tcp_time_wait);
  out.duration("tcp_closed", timeouts.tcp_closed);
  out.duration("udp", timeouts.udp);
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

void print_check(Printer& out, const Check& check) {
  out.table("[service.check]");
  out.text("type", to_text(check.type));
  if (check.type == CheckType::kNone) return;
  if (check.port) out.number("port", *check.port);
  out.duration("interval", check.interval);
  out.duration("timeout", check.timeout);
  out.number("rise", check.rise);
  out.number("fall", check.fall);
  if (check.type != CheckType::kHttp && check.type != CheckType::kHttps) return;
  out.text("method", check.method);
  out.text("path", check.path);
  if (!check.host.empty()) out.text("host", check.host);
  out.number("expect_status", check.expect_status);
  if (check.type != CheckType::kHttps) return;
  out.boolean("tls_verify", check.tls_verify);
  if (!check.tls_server_name.empty()) out.text("tls_server_name", check.tls_server_name);
  if (!check.tls_ca_file.empty()) out.text("tls_ca_file", check.tls_ca_file);
}

void print_service(Printer& out, const Service& service) {
  out.table("[[service]]");
  out.text("name", service.name);
  if (service.addresses.empty()) {
    out.text("address", service.address.to_string());
  } else {
    out.endpoint_ranges("addresses", service.addresses);
  }
  out.text("protocol", to_text(service.protocol));
  out.text("mode", to_text(service.mode));
  out.text("scheduler", to_text(service.scheduler));
  out.text("on_server_down", to_text(service.on_server_down));
  if (!service.port.empty()) out.text("port", service.port);
  out.boolean("sync", service.sync);
  if (service.persistence.count() != 0) {
    out.duration("persistence", service.persistence);
    out.number("persistence_prefix", service.persistence_prefix);
  }
  if (!service.group.empty()) out.text("group", service.group);
  print_check(out, service.check);
  for (const RealServer& server : service.real_servers) {
    out.table("[[service.real_server]]");
    out.text("address", server.address.to_string());
    out.number("weight", server.weight);
    if (server.max_connections == 0) continue;
    out.number("max_connections", server.max_connections);
    out.number("resume_connections", server.resume_connections);
  }
}

}  // namespace

std::string print(const Config& config) {
  Printer out;
  out.table("[director]");
  out.text("name", config.director.name);
  out.text("run_dir", config.director.run_dir);
  out.text("state_dir", config.director.state_dir);
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
  if (config.alert != Alert{}) print_alert(out, config.alert);
  return out.take();
}

std::string print_service(const Service& service) {
  Printer out;
  print_service(out, service);
  return out.take();
}

}  // namespace lb::config
