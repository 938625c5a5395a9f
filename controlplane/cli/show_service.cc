// `show service`: the look of ipvsadm -Ln, with names and states.
#include <fmt/format.h>

#include "controlplane/cli/format.h"
#include "controlplane/cli/json.h"
#include "controlplane/cli/show.h"
#include "controlplane/cli/status_index.h"

namespace lb::cli {
namespace {

// Nothing as long as nobody was refused.
std::string refused_text(const api::ServiceStats& service) {
  const api::Refused& refused = service.refused();
  std::string out;
  const auto add = [&out](std::string_view reason, std::uint64_t count) {
    if (count > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", reason, count);
  };
  add("denied", refused.denied());
  add("client_rate_limited", refused.client_rate_limited());
  add("service_rate_limited", refused.service_rate_limited());
  return out.empty() ? out : "     refused: " + out + "\n";
}

// Nothing of a plain quorum, one server, that is there.
std::string quorum_text(const api::control::ServiceState* state) {
  if (state == nullptr || !state->quorum_known()) return {};
  const bool plain = state->quorum_weight() == 1 && state->quorum_hysteresis() == 0;
  if (plain && state->quorum()) return {};
  return fmt::format("     quorum {}: {} up of {}{}\n", state->quorum() ? "is there" : "is lost",
                     state->weight_up(), state->quorum_weight(),
                     state->quorum_hysteresis() == 0
                         ? ""
                         : fmt::format(", hysteresis {}", state->quorum_hysteresis()));
}

Json quorum_json(const api::control::ServiceState* state) {
  if (state == nullptr) return nullptr;
  return {{"reached", state->quorum_known() ? Json(state->quorum()) : Json(nullptr)},
          {"weight_up", state->weight_up()},
          {"quorum", state->quorum_weight()},
          {"hysteresis", state->quorum_hysteresis()},
          {"sorry_server_in_use", state->sorry_in_use()}};
}

}  // namespace

std::string service_text(const api::Stats& stats, const api::control::Status* health) {
  const StatusIndex index(health);
  std::string out = fmt::format("Ballast {} (connections={} max={})\n", LB_RELEASE,
                                stats.connections(), stats.max_connections());
  out += "Prot LocalAddress:Port Scheduler Service\n";
  out += "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn  State\n";
  for (const api::ServiceStats& service : stats.services()) {
    out += fmt::format("{:<4} {} {} {}{}\n", protocol_heading(service.protocol()),
                       service_addresses_text(service), name_in(service.scheduler()),
                       service.name(), service.one_packet() ? " one_packet" : "");
    out += refused_text(service);
    out += quorum_text(index.find(service));
    for (const api::RealServerStats& server : service.real_servers()) {
      out +=
          fmt::format("  -> {:<28} {:<7} {:<6} {:<10} {:<10} {}\n",
                      endpoint_text(server.address(), server.port()), forward_text(server.mode()),
                      index.weight_text(service, server), server.active_connections(),
                      server.inactive_connections(), index.state_text(service, server));
    }
  }
  return out;
}

std::string service_json(const api::Stats& stats, const api::control::Status* health) {
  const StatusIndex index(health);
  Json services = Json::array();
  for (const api::ServiceStats& service : stats.services()) {
    Json servers = Json::array();
    for (const api::RealServerStats& server : service.real_servers()) {
      servers.push_back({{"address", address_text(server.address())},
                         {"port", server.port()},
                         {"weight", server.weight()},
                         {"state", index.state_name(service, server)},
                         {"active_connections", server.active_connections()},
                         {"inactive_connections", server.inactive_connections()},
                         {"policy", index.policy_json(service, server)}});
    }
    services.push_back({{"name", service.name()},
                        {"protocol", name_in(service.protocol())},
                        {"address", address_text(first_address(service).address())},
                        {"port", first_address(service).first_port()},
                        {"addresses", addresses_json(service)},
                        {"mode", name_in(service.mode())},
                        {"scheduler", name_in(service.scheduler())},
                        {"one_packet", service.one_packet()},
                        {"refused", refused_json(service)},
                        {"quorum", quorum_json(index.find(service))},
                        {"real_servers", std::move(servers)}});
  }
  return print({{"connections", stats.connections()},
                {"max_connections", stats.max_connections()},
                {"generation", stats.generation()},
                {"services", std::move(services)}});
}

}  // namespace lb::cli
