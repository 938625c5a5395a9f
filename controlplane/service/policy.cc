#include "controlplane/service/policy.h"

#include <algorithm>

namespace lb::controlplane {
namespace {

using std::chrono::milliseconds;
using Time = ServicePolicy::Time;

// A ramp has twenty steps, but none shorter or longer than these.
constexpr int kRampSteps = 20;
constexpr milliseconds kShortestStep{100};
constexpr milliseconds kLongestStep{1000};
// While a ramp runs all weights of the service are so many times as large, so that there is
// something between 0 and 1.
constexpr unsigned kRampScale = 100;

void come_again(ServiceDecision& decision, Time at) {
  if (!decision.next || at < *decision.next) decision.next = at;
}

// Who was taken down, by the check or by an operator.
void take_down(OnServerDown setting, ServerDecision& server) {
  const bool quiesce = setting == OnServerDown::kQuiesce;
  server.up = quiesce;
  if (quiesce) server.weight = 0;
}

ServerDecision decide_server(const config::Service& service, const config::RealServer& configured,
                             const ServerHealth& health, const ServerOverride& change, Time now) {
  ServerDecision server;
  server.duty = change.duty;
  server.nominal_weight = server.weight =
      change.weight.value_or(health.weight.value_or(configured.weight));
  if (change.duty == Duty::kMaint) {
    take_down(service.on_server_down, server);
  } else if (health.unchecked) {
    server.unchecked = true;
  } else if (!health.up) {
    take_down(service.on_server_down, server);
  } else if (change.duty == Duty::kReady) {
    server.up = server.in_service = true;
  } else {
    server.unchecked = true;
  }
  if (change.duty != Duty::kDrain || !change.deadline) return server;
  const auto left = std::chrono::ceil<milliseconds>(*change.deadline - now);
  server.drain_left = std::max(left, milliseconds(0));
  if (left <= milliseconds(0)) {
    server.up = server.unchecked = false;
    server.end = true;
  }
  return server;
}

}  // namespace

void ServicePolicy::adopt(bool sorry) {
  adopted_ = true;
  if (sorry) quorum_ = false;
}

ServiceDecision ServicePolicy::decide(const config::Service& service,
                                      std::span<const ServerHealth> health,
                                      const ServiceOverride& change, Time now) {
  static const ServerOverride kNone;
  ServiceDecision decision;
  decision.scheduler = change.scheduler.value_or(service.scheduler);
  bool all_checked = true;
  for (std::size_t i = 0; i < service.real_servers.size(); ++i) {
    const config::RealServer& configured = service.real_servers[i];
    const auto it = change.servers.find(configured.address);
    const ServerOverride& own = it == change.servers.end() ? kNone : it->second;
    const ServerDecision server = decide_server(service, configured, health[i], own, now);
    if (server.drain_left && !server.end) come_again(decision, *own.deadline);
    if (server.in_service) decision.weight_up += server.nominal_weight;
    all_checked = all_checked && !health[i].unchecked;
    decision.servers.push_back(server);
  }
  follow_quorum(service, all_checked, decision);
  follow_returns(service, health, decision, now);
  if (service.slow_start > milliseconds(0)) ramp(service, now, decision);
  if (!decision.sorry) return decision;
  for (ServerDecision& server : decision.servers) server.weight = 0;
  return decision;
}

// keepalived's: lost below quorum - hysteresis, regained (and gained at first) at quorum +
// hysteresis.
void ServicePolicy::follow_quorum(const config::Service& service, bool all_checked,
                                  ServiceDecision& decision) {
  const std::optional<bool> before = quorum_;
  const std::uint64_t hysteresis = service.quorum_hysteresis;
  if (quorum_.value_or(false)) {
    // A server without a result yet is no reason: the others have not gone.
    if (all_checked && decision.weight_up + hysteresis < service.quorum) quorum_ = false;
  } else if (decision.weight_up >= service.quorum + hysteresis) {
    quorum_ = true;
  } else if (all_checked) {
    quorum_ = false;
  }
  decision.quorum = quorum_;
  // What a data plane already ran before this process is no news.
  decision.quorum_news = quorum_ != before && (before || !adopted_);
  decision.sorry = service.sorry_server && quorum_ == false;
}

void ServicePolicy::follow_returns(const config::Service& service,
                                   std::span<const ServerHealth> health,
                                   const ServiceDecision& decision, Time now) {
  std::erase_if(memory_, [&service](const auto& entry) {
    return std::ranges::none_of(service.real_servers, [&entry](const config::RealServer& server) {
      return server.address == entry.first;
    });
  });
  for (std::size_t i = 0; i < service.real_servers.size(); ++i) {
    const bool in_service = decision.servers[i].in_service;
    const auto it = memory_.find(service.real_servers[i].address);
    if (it == memory_.end()) {
      if (!health[i].unchecked) memory_[service.real_servers[i].address].in_service = in_service;
      continue;
    }
    Memory& memory = it->second;
    if (in_service && !memory.in_service) memory.ramp_since = now;
    if (!in_service) memory.ramp_since.reset();
    memory.in_service = in_service;
  }
}

void ServicePolicy::ramp(const config::Service& service, Time now, ServiceDecision& decision) {
  const milliseconds step =
      std::clamp(service.slow_start / kRampSteps, kShortestStep, kLongestStep);
  bool any = false;
  std::uint64_t heaviest = 1;
  for (std::size_t i = 0; i < decision.servers.size(); ++i) {
    ServerDecision& server = decision.servers[i];
    heaviest = std::max<std::uint64_t>(heaviest, server.nominal_weight);
    const auto it = memory_.find(service.real_servers[i].address);
    if (it == memory_.end() || !it->second.ramp_since) continue;
    const Time since = *it->second.ramp_since;
    const auto steps = (now - since) / step;
    if (step * steps >= service.slow_start) {
      it->second.ramp_since.reset();
      continue;
    }
    any = true;
    server.ramp = static_cast<unsigned>(100 * (step * steps).count() / service.slow_start.count());
    come_again(decision, std::min(since + step * (steps + 1), since + service.slow_start));
  }
  if (!any) return;
  // To "ovf" a weight is a number of connections.
  const unsigned most = decision.scheduler == Scheduler::kOvf ? 1 : kRampScale;
  const auto factor = std::clamp<std::uint64_t>(config::kMaxWeight / heaviest, 1, most);
  for (ServerDecision& server : decision.servers) {
    std::uint64_t weight = server.weight * factor;
    if (server.ramp && weight > 0) weight = std::max<std::uint64_t>(weight * *server.ramp / 100, 1);
    server.weight = static_cast<std::uint16_t>(weight);
  }
}

}  // namespace lb::controlplane
