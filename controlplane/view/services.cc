#include "controlplane/view/services.h"

#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/view/format.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/enum_codec.h"

namespace lb::view {
namespace {

// The control plane's answer, indexed by the data plane's names of services and real servers.
class StatusIndex {
 public:
  explicit StatusIndex(const api::control::Status* status) {
    if (status == nullptr) return;
    for (const api::control::Target& target : status->targets()) {
      targets_.emplace(std::tuple(target.service(), target.address(), target.port()), &target);
    }
    for (const api::control::ServiceState& service : status->services()) {
      services_.emplace(service.name(), &service);
    }
  }

  // Null when the control plane knows no such server, or service.
  const api::control::Target* find(const api::ServiceStats& service,
                                   const api::RealServerStats& server) const {
    const auto found = targets_.find({service.name(), server.address(), server.port()});
    return found == targets_.end() ? nullptr : found->second;
  }
  const api::control::ServiceState* find(const api::ServiceStats& service) const {
    const auto found = services_.find(service.name());
    return found == services_.end() ? nullptr : found->second;
  }

 private:
  std::map<std::tuple<std::string, std::string, std::uint32_t>, const api::control::Target*>
      targets_;
  std::map<std::string, const api::control::ServiceState*> services_;
};

Traffic traffic_of(const api::TrafficStats& traffic) {
  return {.connections = traffic.connections(),
          .packets_in = traffic.packets_in(),
          .packets_out = traffic.packets_out(),
          .bytes_in = traffic.bytes_in(),
          .bytes_out = traffic.bytes_out(),
          .syn_unanswered = traffic.syn_unanswered(),
          .syn_refused = traffic.syn_refused()};
}

std::optional<Health> health_of(const api::control::Target* target) {
  if (target == nullptr) return std::nullopt;
  Health out{.up = target->up(),
             .since_ms = target->since_ms(),
             .check = target->check(),
             .last_result = target->last_result(),
             .held = {},
             .rise_count = target->rise_count(),
             .fall_count = target->fall_count()};
  if (!target->held().empty()) out.held = target->held();
  return out;
}

bool is_sorry_server(const api::control::ServiceState* service,
                     const api::RealServerStats& server) {
  return service != nullptr && !service->sorry_address().empty() &&
         service->sorry_address() == server.address() && service->sorry_port() == server.port();
}

std::optional<Policy> policy_of(const api::control::ServiceState* service,
                                const api::control::Target* target,
                                const api::RealServerStats& server) {
  if (is_sorry_server(service, server)) {
    return Policy{.sorry_server = true, .in_use = service->sorry_in_use(), .server = {}};
  }
  if (target == nullptr) return std::nullopt;
  ServerPolicy out{.admin_state = target->admin_state(),
                   .weight = target->weight(),
                   .weight_in_file = target->file_weight(),
                   .weight_in_effect = target->weight_in_effect(),
                   .drain_left_ms = {},
                   .slow_start_percent = {}};
  if (target->has_drain_left_ms()) out.drain_left_ms = target->drain_left_ms();
  if (target->has_ramp_percent()) out.slow_start_percent = target->ramp_percent();
  return Policy{.sorry_server = false, .in_use = {}, .server = std::move(out)};
}

// Of the data plane alone.
std::string_view forwarding_state(const api::RealServerStats& server) {
  if (server.removed()) return "removed";
  if (!server.up()) return "down";
  if (!server.next_hop_resolved()) return "unresolved";
  return server.full() ? "full" : "up";
}

// That, or what stands between.
std::string state_of(const RealServerRow& row, std::string_view forwarding) {
  const auto plain = std::string(forwarding);
  if (row.removed || !row.policy) return plain;
  if (row.policy->sorry_server) return *row.policy->in_use ? plain : "not in use";
  const ServerPolicy& policy = *row.policy->server;
  if (!policy.admin_state.empty() && policy.admin_state != "ready") return policy.admin_state;
  if (plain == "up" && !row.health->up) return "quiesced";
  return policy.slow_start_percent ? "slow start" : plain;
}

RealServerRow real_server_of(const api::ServiceStats& service, const api::RealServerStats& server,
                             const StatusIndex& index) {
  const api::control::Target* const target = index.find(service, server);
  RealServerRow out{.service = service.name(),
                    .protocol = name_in(service.protocol()),
                    .address = address_text(server.address()),
                    .port = server.port(),
                    .mode = server.local() ? kLocalMode : name_in(server.mode()),
                    .weight = server.weight(),
                    .state = {},
                    .up = server.up(),
                    .removed = server.removed(),
                    .next_hop_resolved = server.next_hop_resolved(),
                    .full = server.full(),
                    .max_connections = server.max_connections(),
                    .resume_connections = server.resume_connections(),
                    .active_connections = server.active_connections(),
                    .inactive_connections = server.inactive_connections(),
                    .traffic = traffic_of(server.traffic()),
                    .policy = policy_of(index.find(service), target, server),
                    .health = health_of(target)};
  out.state = state_of(out, forwarding_state(server));
  return out;
}

std::optional<Refused> refused_of(const api::ServiceStats& service) {
  if (!service.has_refused()) return std::nullopt;
  return Refused{.denied = service.refused().denied(),
                 .client_rate_limited = service.refused().client_rate_limited(),
                 .service_rate_limited = service.refused().service_rate_limited()};
}

std::optional<SynProxy> syn_proxy_of(const api::ServiceStats& service) {
  if (!service.has_syn_proxy()) return std::nullopt;
  const api::SynProxyStats& stats = service.syn_proxy();
  return SynProxy{.mode = name_in(stats.mode()),
                  .active = stats.active(),
                  .timestamps = stats.timestamps(),
                  .half_open = stats.half_open(),
                  .cookies = stats.cookies(),
                  .proven = stats.proven(),
                  .refused = stats.refused()};
}

std::optional<Quorum> quorum_of(const api::control::ServiceState* state) {
  if (state == nullptr) return std::nullopt;
  Quorum out{.reached = {},
             .weight_up = state->weight_up(),
             .quorum = state->quorum_weight(),
             .hysteresis = state->quorum_hysteresis(),
             .sorry_server_in_use = state->sorry_in_use()};
  if (state->quorum_known()) out.reached = state->quorum();
  return out;
}

std::vector<ServiceRow> rows_of(const api::Stats& stats, const api::control::Status* status) {
  const StatusIndex index(status);
  std::vector<ServiceRow> out;
  for (const api::ServiceStats& service : stats.services()) {
    ServiceRow& row =
        out.emplace_back(ServiceRow{.name = service.name(),
                                    .protocol = name_in(service.protocol()),
                                    .address = address_text(first_address(service).address()),
                                    .port = first_address(service).first_port(),
                                    .addresses = addresses_of(service),
                                    .mode = name_in(service.mode()),
                                    .scheduler = name_in(service.scheduler()),
                                    .one_packet = service.one_packet(),
                                    .traffic = traffic_of(service.traffic()),
                                    .refused = refused_of(service),
                                    .syn_proxy = syn_proxy_of(service),
                                    .quorum = quorum_of(index.find(service)),
                                    .real_servers = {}});
    for (const api::RealServerStats& server : service.real_servers()) {
      row.real_servers.push_back(real_server_of(service, server, index));
    }
  }
  return out;
}

}  // namespace

Services services_of(const api::Stats& stats, const api::control::Status* status) {
  return {.connections = stats.connections(),
          .max_connections = stats.max_connections(),
          .generation = stats.generation(),
          .services = rows_of(stats, status)};
}

RealServers real_servers_of(const api::Stats& stats, const api::control::Status* status) {
  RealServers out{.health_known = status != nullptr, .real_servers = {}};
  for (ServiceRow& service : rows_of(stats, status)) {
    std::move(service.real_servers.begin(), service.real_servers.end(),
              std::back_inserter(out.real_servers));
  }
  return out;
}

Statistics statistics_of(const api::Stats& stats) {
  return {.uptime_ms = stats.uptime_ms(),
          .connections = stats.connections(),
          .max_connections = stats.max_connections(),
          .connections_created = stats.connections_created(),
          .connections_expired = stats.connections_expired(),
          .connections_shed = stats.connections_shed(),
          .client_hops = stats.client_hops(),
          .max_client_hops = stats.max_client_hops(),
          .client_hops_kept = stats.client_hops_kept(),
          .persistence_entries = stats.persistence_entries(),
          .max_persistence = stats.max_persistence(),
          .persistence_evicted = stats.persistence_evicted(),
          .services = rows_of(stats, nullptr)};
}

}  // namespace lb::view
