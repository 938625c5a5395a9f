#include "controlplane/servers/report.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/servers/panic.h"

namespace lb::controlplane {
namespace {

std::uint64_t milliseconds_between(Time from, Time to) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count());
}

std::string to_text(const ServerDecision& server) {
  switch (server.admin_state) {
    case AdminState::kReady:
      return "ready";
    case AdminState::kMaint:
      return "maint";
    case AdminState::kDrain:
      return server.end ? "drained" : "drain";
  }
  return "";
}

void report_decision(const ServerDecision& server, api::control::Target& target) {
  target.set_admin_state(to_text(server));
  target.set_weight(server.nominal_weight);
  target.set_weight_in_effect(server.weight);
  if (server.ramp) target.set_ramp_percent(*server.ramp);
  if (server.drain_left) {
    target.set_drain_left_ms(static_cast<std::uint64_t>(server.drain_left->count()));
  }
}

void report_health(const health::State& state, Time now, api::control::Target& target) {
  target.set_up(state.up);
  target.set_since_ms(milliseconds_between(state.since, now));
  target.set_last_result(state.last_result);
  target.set_rise_count(state.rise_count);
  target.set_fall_count(state.fall_count);
}

void report_service(const Service& service, api::control::ServiceState& state) {
  const config::Service& config = *service.config;
  const ServiceDecision& decision = service.decision;
  state.set_name(config.name);
  state.set_quorum_known(decision.quorum.has_value());
  state.set_quorum(decision.quorum.value_or(false));
  state.set_weight_up(decision.weight_up);
  state.set_quorum_weight(config.quorum);
  state.set_quorum_hysteresis(config.quorum_hysteresis);
  state.set_sorry_in_use(decision.sorry);
  state.set_scheduler(std::string(name_of(decision.scheduler)));
  state.set_file_scheduler(std::string(name_of(config.scheduler)));
  const auto stand_in = config.stand_in();
  if (!stand_in) return;
  state.set_sorry_address(to_bytes(stand_in->address.address));
  state.set_sorry_port(stand_in->address.port);
}

}  // namespace

void report(const Inventory& inventory, Time started, const Panic& panic, Time now,
            api::control::Status& status) {
  status.set_director(inventory.config()->director.name);
  status.set_uptime_ms(milliseconds_between(started, now));
  if (inventory.config()->health.panic_threshold > 0) panic.fill(*status.mutable_panic());
  const std::string held = panic.why();
  health::State unknown;
  unknown.since = started;
  for (const Service& service : inventory.services()) {
    report_service(service, *status.add_services());
    for (const RealServer& server : service.servers) {
      const config::RealServer& config = *server.config;
      api::control::Target& target = *status.add_targets();
      target.set_service(service.config->name);
      target.set_address(to_bytes(config.address.address));
      target.set_port(config.address.port);
      target.set_check(std::string(name_of(service.config->check_of(config).type)));
      target.set_next_hop_resolved(server.next_hop.has_value());
      target.set_file_weight(config.weight);
      if (server.held) target.set_held(held);
      report_health(server.health ? *server.health : unknown, now, target);
      report_decision(server.decision, target);
    }
  }
}

void report(const std::vector<Interfaces::VipStatus>& vips, api::control::Status& status) {
  for (const Interfaces::VipStatus& from : vips) {
    api::control::Vip& vip = *status.add_vips();
    vip.set_address(to_bytes(from.vip.prefix.address));
    vip.set_interface(from.vip.interface);
    vip.set_present(from.present);
  }
}

std::string summary(const Inventory& inventory) {
  std::size_t configured = 0;
  std::ptrdiff_t up = 0;
  for (const Service& service : inventory.services()) {
    configured += service.servers.size();
    up += std::ranges::count_if(service.servers, &RealServer::up);
  }
  return std::to_string(up) + " of " + std::to_string(configured) + " real servers up";
}

}  // namespace lb::controlplane
