#include "controlplane/service/report.h"

#include <algorithm>
#include <string>

#include "controlplane/api/controlplane.pb.h"

namespace lb::controlplane {
namespace {

std::string to_text(const ServerDecision& server) {
  switch (server.duty) {
    case Duty::kReady:
      return "ready";
    case Duty::kMaint:
      return "maint";
    case Duty::kDrain:
      return server.end ? "drained" : "drain";
  }
  return "";
}

void report_decision(const ServerDecision& server, api::control::Target& target) {
  target.set_duty(to_text(server));
  target.set_weight(server.nominal_weight);
  target.set_weight_in_effect(server.weight);
  if (server.ramp) target.set_ramp_percent(*server.ramp);
  if (server.drain_left) {
    target.set_drain_left_ms(static_cast<std::uint64_t>(server.drain_left->count()));
  }
}

void report_service(const config::Service& service, const ServiceDecision& decision,
                    api::control::ServiceState& state) {
  state.set_name(service.name);
  state.set_quorum_known(decision.quorum.has_value());
  state.set_quorum(decision.quorum.value_or(false));
  state.set_weight_up(decision.weight_up);
  state.set_quorum_weight(service.quorum);
  state.set_quorum_hysteresis(service.quorum_hysteresis);
  state.set_sorry_in_use(decision.sorry);
  state.set_scheduler(std::string(name_of(decision.scheduler)));
  state.set_file_scheduler(std::string(name_of(service.scheduler)));
  if (!service.sorry_server) return;
  state.set_sorry_address(to_bytes(service.sorry_server->address.address));
  state.set_sorry_port(service.sorry_server->address.port);
}

}  // namespace

void report_services(const std::vector<config::Service>& services, const ServiceStates& states,
                     const FactsOf& facts_of, ServiceStates::Time now,
                     api::control::Status& status) {
  for (const config::Service& service : services) {
    report_service(service, states.of(service), *status.add_services());
    for (const config::RealServer& server : service.real_servers) {
      const ServerFacts facts = facts_of(service, server);
      const health::State& state = facts.health;
      api::control::Target& target = *status.add_targets();
      target.set_service(service.name);
      target.set_address(to_bytes(server.address.address));
      target.set_port(server.address.port);
      target.set_up(state.up);
      target.set_since_ms(static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(now - state.since).count()));
      target.set_check(std::string(name_of(service.check_of(server).type)));
      target.set_last_result(state.last_result);
      target.set_rise_count(state.rise_count);
      target.set_fall_count(state.fall_count);
      target.set_next_hop_resolved(facts.next_hop_resolved);
      target.set_file_weight(server.weight);
      target.set_held(facts.held);
      report_decision(states.of(service, server), target);
    }
  }
}

}  // namespace lb::controlplane
