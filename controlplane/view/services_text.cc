// `show service` in the look of ipvsadm -Ln, `show stats` in that of ipvsadm -Ln --stats, `show
// rs`.
#include <fmt/format.h>

#include "controlplane/view/as_text.h"
#include "controlplane/view/format.h"
#include "controlplane/view/services_fields.h"
#include "controlplane/view/table.h"

namespace lb::view {
namespace {

// Empty as long as nothing was refused.
std::string refused_text(const ServiceRow& service) {
  if (!service.refused) return {};
  std::string out;
  const auto add = [&out](std::string_view reason, std::uint64_t count) {
    if (count > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", reason, count);
  };
  add("denied", service.refused->denied);
  add("client_rate_limited", service.refused->client_rate_limited);
  add("service_rate_limited", service.refused->service_rate_limited);
  return out.empty() ? out : "     refused: " + out + "\n";
}

std::string syn_proxy_text(const std::optional<SynProxy>& proxy) {
  if (!proxy) return {};
  return fmt::format("     syn_proxy {}{}: {} half-open, cookies {}, proven {}, refused {}\n",
                     proxy->mode,
                     proxy->mode == "adaptive" ? (proxy->active ? " (active)" : " (idle)") : "",
                     proxy->half_open, proxy->cookies, proxy->proven, proxy->refused);
}

// Empty for a quorum of one server that is reached.
std::string quorum_text(const std::optional<Quorum>& quorum) {
  if (!quorum || !quorum->reached) return {};
  const bool plain = quorum->quorum == 1 && quorum->hysteresis == 0;
  if (plain && *quorum->reached) return {};
  return fmt::format(
      "     quorum {}: {} up of {}{}\n", *quorum->reached ? "reached" : "lost", quorum->weight_up,
      quorum->quorum,
      quorum->hysteresis == 0 ? "" : fmt::format(", hysteresis {}", quorum->hysteresis));
}

}  // namespace

std::string endpoint_cell(const RealServerRow& row) {
  return join_endpoint(row.address, row.port);
}

std::string forward_cell(const RealServerRow& row) {
  return std::string(forward_text(row.mode));
}

std::string weight_cell(const RealServerRow& row) {
  if (row.removed || !row.policy || !row.policy->server) return std::to_string(row.weight);
  const ServerPolicy& policy = *row.policy->server;
  return std::to_string(policy.weight) + (policy.weight == policy.weight_in_file ? "" : "*");
}

std::string state_cell(const RealServerRow& row) {
  if (!row.policy) return row.state;
  if (row.policy->sorry_server) return "sorry server, " + row.state;
  const ServerPolicy& policy = *row.policy->server;
  if (row.state == "drain" && policy.drain_left_ms) {
    return fmt::format("{}, {} left", row.state, age_text(*policy.drain_left_ms));
  }
  if (row.state == "slow start")
    return fmt::format("{} {}%", row.state, *policy.slow_start_percent);
  return row.state;
}

std::string health_cell(const RealServerRow& row) {
  if (!row.health) return "-";
  return row.health->up ? "up" : row.health->held ? "held" : "down";
}

std::string since_cell(const RealServerRow& row) {
  return row.health ? age_text(row.health->since_ms) : "-";
}

std::string check_cell(const RealServerRow& row) {
  return row.health && !row.health->check.empty() ? row.health->check : "-";
}

std::string limit_cell(const RealServerRow& row) {
  return row.max_connections == 0
             ? "-"
             : fmt::format("{}/{}", row.max_connections, row.resume_connections);
}

std::string connections_cell(const RealServerRow& row) {
  return std::to_string(row.traffic.connections);
}

// "held: check failed, 7 of 10 checks fail at once (L4TOUT after 1000ms)"
std::string last_result_cell(const RealServerRow& row) {
  if (!row.health) return "-";
  const Health& health = *row.health;
  if (health.held) return fmt::format("{} ({})", *health.held, health.last_result);
  return health.last_result.empty() ? "-" : health.last_result;
}

std::string as_text(const Services& answer) {
  std::string out = fmt::format("Ballast {} (connections={} max={})\n", LB_RELEASE,
                                answer.connections, answer.max_connections);
  out += "Prot LocalAddress:Port Scheduler Service\n";
  out += "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn  State\n";
  for (const ServiceRow& service : answer.services) {
    out += fmt::format("{:<4} {} {} {}{}\n", protocol_heading(service.protocol),
                       service_addresses_text(service.addresses), service.scheduler, service.name,
                       service.one_packet ? " one_packet" : "");
    out += refused_text(service) + syn_proxy_text(service.syn_proxy) + quorum_text(service.quorum);
    for (const RealServerRow& server : service.real_servers) {
      out += fmt::format("  -> {:<28} {:<7} {:<6} {:<10} {:<10} {}\n", endpoint_cell(server),
                         forward_cell(server), weight_cell(server), server.active_connections,
                         server.inactive_connections, state_cell(server));
    }
  }
  return out;
}

std::string as_text(const RealServers& answer) {
  return table_text(answer.real_servers);
}

std::string as_text(const Statistics& answer) {
  std::string out =
      fmt::format("Up {}, connections {} of {}: created {}, expired {}, shed {}\n",
                  age_text(answer.uptime_ms), answer.connections, answer.max_connections,
                  answer.connections_created, answer.connections_expired, answer.connections_shed);
  if (answer.max_persistence != 0) {
    out += fmt::format("Persistence: {} of {} clients, evicted {}\n", answer.persistence_entries,
                       answer.max_persistence, answer.persistence_evicted);
  }
  Tree<Traffic> tree("Prot LocalAddress:Port", "  -> RemoteAddress:Port");
  for (const ServiceRow& service : answer.services) {
    tree.row(fmt::format("{:<4} {} {}", protocol_heading(service.protocol),
                         service_address_text(service.addresses), service.name),
             service.traffic);
    for (const RealServerRow& server : service.real_servers) {
      tree.row("  -> " + endpoint_cell(server), server.traffic);
    }
  }
  return out + tree.text();
}

}  // namespace lb::view
