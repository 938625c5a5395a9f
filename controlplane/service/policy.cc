#include "controlplane/service/policy.h"

#include <algorithm>

#include "controlplane/service/inventory.h"

namespace lb::controlplane {
namespace {

using std::chrono::milliseconds;

// A ramp (slow start) has twenty steps, but none shorter or longer than these.
constexpr int kRampSteps = 20;
constexpr milliseconds kShortestStep{100};
constexpr milliseconds kLongestStep{1000};
// During a ramp all weights of the service are scaled by this, so that there are values between 0
// and 1.
constexpr unsigned kRampScale = 100;

void set_next(ServiceDecision& decision, Time at) {
  if (!decision.next || at < *decision.next) decision.next = at;
}

// A server that was taken down, by its check or by an operator.
void take_down(OnServerDown setting, ServerDecision& server) {
  const bool quiesce = setting == OnServerDown::kQuiesce;
  server.up = quiesce;
  if (quiesce) server.weight = 0;
}

ServerDecision decide_server(const Service& service, const RealServer& server, Time now) {
  const ServerOverride& change = server.changes.in_force;
  const OnServerDown on_down = service.config->on_server_down;
  ServerDecision decision;
  decision.admin_state = change.admin_state;
  decision.nominal_weight = decision.weight = change.weight.value_or(server.weight());
  if (change.admin_state == AdminState::kMaint) {
    take_down(on_down, decision);
  } else if (server.unchecked()) {
    decision.unchecked = true;
  } else if (!server.up()) {
    take_down(on_down, decision);
  } else if (change.admin_state == AdminState::kReady) {
    decision.up = decision.in_service = true;
  } else {
    decision.unchecked = true;
  }
  if (change.admin_state != AdminState::kDrain || !change.deadline) return decision;
  const auto left = std::chrono::ceil<milliseconds>(*change.deadline - now);
  decision.drain_left = std::max(left, milliseconds(0));
  if (left <= milliseconds(0)) {
    decision.up = decision.unchecked = false;
    decision.end = true;
    decision.ends_now = !server.decision.end;
  }
  return decision;
}

// As keepalived: lost below quorum - hysteresis, reached at quorum + hysteresis.
void follow_quorum(Service& service, bool all_checked) {
  const config::Service& config = *service.config;
  ServicePolicyState& state = service.policy_state;
  ServiceDecision& decision = service.decision;
  const std::optional<bool> before = state.quorum;
  const std::uint64_t hysteresis = config.quorum_hysteresis;
  if (state.quorum.value_or(false)) {
    // Servers without a result yet do not take the quorum away.
    if (all_checked && decision.weight_up + hysteresis < config.quorum) state.quorum = false;
  } else if (decision.weight_up >= config.quorum + hysteresis) {
    state.quorum = true;
  } else if (all_checked) {
    state.quorum = false;
  }
  decision.quorum = state.quorum;
  // A quorum state adopted from the data plane is no change.
  decision.quorum_changed = state.quorum != before && (before || !state.adopted);
  decision.sorry = config.stand_in() && state.quorum == false;
}

void follow_returns(RealServer& server, Time now) {
  ServerPolicyState& state = server.policy_state;
  const bool in_service = server.decision.in_service;
  if (!state.known) {
    state.known = !server.unchecked();
  } else {
    if (in_service && !state.in_service) state.ramp_since = now;
    if (!in_service) state.ramp_since.reset();
  }
  state.in_service = in_service;
}

// The server's share of its weight so far; nullopt: all of it.
void find_ramp(RealServer& server, milliseconds slow_start, Time now, ServiceDecision& decision) {
  if (!server.policy_state.ramp_since) return;
  const milliseconds step = std::clamp(slow_start / kRampSteps, kShortestStep, kLongestStep);
  const Time since = *server.policy_state.ramp_since;
  const auto steps = (now - since) / step;
  if (step * steps >= slow_start) {
    server.policy_state.ramp_since.reset();
    return;
  }
  server.decision.ramp = static_cast<unsigned>(100 * (step * steps).count() / slow_start.count());
  set_next(decision, std::min(since + step * (steps + 1), since + slow_start));
}

void ramp(Service& service, Time now) {
  bool any = false;
  std::uint64_t heaviest = 1;
  for (RealServer& server : service.servers) {
    find_ramp(server, service.config->slow_start, now, service.decision);
    heaviest = std::max<std::uint64_t>(heaviest, server.decision.nominal_weight);
    any |= server.decision.ramp.has_value();
  }
  if (!any) return;
  // For "ovf" a weight is a number of connections.
  const unsigned most = service.decision.scheduler == Scheduler::kOvf ? 1 : kRampScale;
  const auto factor = std::clamp<std::uint64_t>(config::kMaxWeight / heaviest, 1, most);
  for (RealServer& server : service.servers) {
    ServerDecision& decision = server.decision;
    std::uint64_t weight = decision.weight * factor;
    if (decision.ramp && weight > 0) {
      weight = std::max<std::uint64_t>(weight * *decision.ramp / 100, 1);
    }
    decision.weight = static_cast<std::uint16_t>(weight);
  }
}

}  // namespace

void adopt_quorum(Service& service, bool sorry) {
  service.policy_state.adopted = true;
  if (sorry) service.policy_state.quorum = false;
}

void decide(Service& service, Time now) {
  ServiceDecision& decision = service.decision;
  decision = {};
  decision.scheduler = service.changes.in_force.scheduler.value_or(service.config->scheduler);
  bool all_checked = true;
  for (RealServer& server : service.servers) {
    server.decision = decide_server(service, server, now);
    if (server.decision.drain_left && !server.decision.end) {
      set_next(decision, *server.changes.in_force.deadline);
    }
    if (server.decision.in_service) decision.weight_up += server.decision.nominal_weight;
    all_checked = all_checked && !server.unchecked();
    follow_returns(server, now);
  }
  follow_quorum(service, all_checked);
  if (service.config->slow_start > milliseconds(0)) ramp(service, now);
  if (!decision.sorry) return;
  for (RealServer& server : service.servers) server.decision.weight = 0;
}

}  // namespace lb::controlplane
