#include "config/describe.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/cpu_list.h"
#include "config/forms.h"

namespace lb::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using enum Presence;

constexpr std::uint32_t kMaxMemoryMb = 1 << 20;
constexpr std::uint32_t kMaxPersistence = 50'000'000;
constexpr std::uint32_t kMaxPuntPps = 100'000'000;

void describe(Visitor& v, Director& director) {
  v.text("name", director.name, kRequired);
  v.text("run_dir", director.run_dir, kDefaulted);
  v.value("state_dir", director.state_dir, kAbsolutePathForm, "\"/var/lib/ballast\"", kDefaulted);
  v.boolean("auto_reload", director.auto_reload, kIfSet);
  v.value("admin_group", director.admin_group, kAnyTextForm, "\"ballast\"", kIfSet);
  v.value("read_group", director.read_group, kAnyTextForm, "\"ballast-read\"", kIfSet);
  v.value("audit_file", director.audit_file, kAbsolutePathForm, "\"/var/log/ballast/audit.log\"",
          kIfSet);
}

using Cpus = std::vector<std::uint32_t>;
const Form<Cpus> kCpusForm = {"CPU numbers",
                              [](const std::string& text) {
                                auto cpus = parse_cpu_list(text);
                                if (cpus) std::sort(cpus->begin(), cpus->end());
                                return cpus;
                              },
                              print_cpu_list};

void describe(Visitor& v, Dataplane& dataplane) {
  v.number("main_lcore", dataplane.main_lcore, 0, kMaxCpu);
  v.value("lcores", dataplane.lcores, kCpusForm, "\"1-3,5\", the workers' CPUs", kRequired);
  v.choice("memory", dataplane.memory);
  v.number("memory_mb", dataplane.memory_mb, 64, kMaxMemoryMb);
  v.number("max_connections", dataplane.max_connections, 1, kMaxConnections);
  v.number("max_persistence", dataplane.max_persistence, 1, kMaxPersistence);
  v.choice("idle", dataplane.idle);
  v.value("drivers", dataplane.drivers, kAbsolutePathForm, "\"/opt/drivers/net.so\"", kIfSet);
  v.number("punt_limit_pps", dataplane.punt_limit_pps, 0, kMaxPuntPps);
  v.number("punt_limit_pps_per_source", dataplane.punt_limit_pps_per_source, 0, kMaxPuntPps);
  v.table("timeouts", dataplane.timeouts, [](Visitor& table, ConnTimeouts& timeouts) {
    lb::config::describe(table, timeouts, std::nullopt);
  });
}

void describe(Visitor& v, Vlan& vlan) {
  v.text("name", vlan.name, kRequired);
  v.number("id", vlan.id, 1, 4094, kRequired);
  v.list("addresses", vlan.addresses, kPrefixesForm, kDefaulted);
}

void describe(Visitor& v, Port& port) {
  v.text("name", port.name, kRequired);
  v.text("device", port.device, kRequired);
  v.number("mtu", port.mtu, 576, 9216);
  v.list("addresses", port.addresses, kPrefixesForm, kDefaulted);
  v.choice("anti_spoof", port.anti_spoof, kIfSet);
  v.boolean("clients_from_other_ports", port.clients_from_other_ports, kIfSet);
  v.tables("vlan", port.vlans, [](Visitor& table, Vlan& vlan) { describe(table, vlan); });
}

Result<Prefix> parse_destination(const std::string& text) {
  if (text == "default") return Prefix(Address(), 0);
  auto prefix = Prefix::parse(text);
  if (prefix && prefix->address != prefix->network()) {
    return fail('"' + text + "\" is an address in a network; write the network: \"" +
                prefix->masked().to_string() + '"');
  }
  return prefix;
}

const Form<Prefix> kDestinationForm = {
    "\"default\" or network", parse_destination, [](const Prefix& destination) {
      return destination.length == 0 ? std::string("default") : destination.to_string();
    }};

void describe(Visitor& v, Route& route) {
  v.value("destination", route.destination, kDestinationForm, "\"default\" or \"10.1.0.0/16\"",
          kRequired);
  v.value("via", route.via, kAddressForm, "\"192.0.2.1\", the gateway's address", kRequired);
  v.value("mac", route.mac, kMacForm, "\"02:00:00:00:00:01\"");
  // "default" is of the gateway's family.
  if (v.reading() && route.destination == Prefix(Address(), 0) && route.via.is_ipv6()) {
    route.destination = Prefix(Address::from_ipv6({}), 0);
  }
}

void describe(Visitor& v, Health& health) {
  v.number("panic_threshold", health.panic_threshold, 0, 99);
  v.duration("panic_window", health.panic_window, seconds(1), minutes(10));
}

}  // namespace

// The keys of the other protocol are mistakes: an operator who writes `udp` for a TCP service
// expects that it does something.
void describe(Visitor& v, ConnTimeouts& timeouts, std::optional<Protocol> protocol) {
  const auto why = [&] { return fmt::format("for a {} service; remove it", name_of(*protocol)); };
  const auto timeout = [&v](std::string_view key, Milliseconds& value) {
    v.duration(key, value, seconds(1), hours(7 * 24));
  };
  v.only_if("protocol", protocol.value_or(Protocol::kTcp) == Protocol::kTcp, why, [&] {
    timeout("tcp_syn_sent", timeouts.tcp_syn_sent);
    timeout("tcp_syn_received", timeouts.tcp_syn_received);
    timeout("tcp_handshake", timeouts.tcp_handshake);
    timeout("tcp_established", timeouts.tcp_established);
    timeout("tcp_fin_wait", timeouts.tcp_fin_wait);
    timeout("tcp_close_wait", timeouts.tcp_close_wait);
    timeout("tcp_last_ack", timeouts.tcp_last_ack);
    timeout("tcp_time_wait", timeouts.tcp_time_wait);
    timeout("tcp_closed", timeouts.tcp_closed);
  });
  v.only_if("protocol", protocol.value_or(Protocol::kUdp) == Protocol::kUdp, why, [&] {
    timeout("udp_unanswered", timeouts.udp_unanswered);
    timeout("udp", timeouts.udp);
  });
}

void describe(Visitor& v, Config& config) {
  const auto section = [](Visitor& table, auto& value) { describe(table, value); };
  v.table("director", config.director, section, kRequired);
  v.table("dataplane", config.dataplane, section, kRequired);
  v.tables("port", config.ports, section);
  v.tables("route", config.routes, section);
  describe_services(v, config.services, config.dataplane.timeouts);
  v.table("ha", config.ha, section, kIfSet);
  v.table("health", config.health, section, kIfSet);
  v.table("alert", config.alert, section, kIfSet);
}

}  // namespace lb::config
