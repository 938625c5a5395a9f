#include "controlplane/service/states.h"

#include <algorithm>
#include <utility>

namespace lb::controlplane {

ServiceStates::ServiceStates(config::ConfigPtr config) : config_(std::move(config)) {}

void ServiceStates::configure(config::ConfigPtr config) {
  config_ = std::move(config);
  const auto& services = config_->services;
  const auto gone = [&services](const auto& entry) {
    return std::ranges::find(services, entry.first, &config::Service::name) == services.end();
  };
  std::erase_if(policies_, gone);
  std::erase_if(decisions_, gone);
  set_changes(std::move(changes_));
}

void ServiceStates::set_changes(Changes changes) {
  changes_ = std::move(changes);
  prune(changes_.in_force, config_->services);
  prune(changes_.saved, config_->services);
}

void ServiceStates::decide(const HealthOf& health_of, const News& news, Time now) {
  static const ServiceOverride kNone;
  next_.reset();
  std::vector<const config::Service*> quorums;
  std::vector<std::pair<const config::Service*, const config::RealServer*>> ends;
  std::vector<ServerHealth> health;
  for (const config::Service& service : config_->services) {
    health.clear();
    for (const config::RealServer& server : service.real_servers) {
      health.push_back(health_of(service, server));
    }
    const auto change = changes_.in_force.find(service.name);
    ServiceDecision& decision = decisions_[service.name];
    const ServiceDecision before = std::exchange(decision, {});
    decision = policies_[service.name].decide(
        service, health, change == changes_.in_force.end() ? kNone : change->second, now);
    if (decision.next && (!next_ || *decision.next < *next_)) next_ = decision.next;
    if (decision.quorum_news) quorums.push_back(&service);
    for (std::size_t i = 0; i < decision.servers.size(); ++i) {
      const bool ended = i < before.servers.size() && before.servers[i].end;
      if (decision.servers[i].end && !ended) ends.emplace_back(&service, &service.real_servers[i]);
    }
  }
  for (const config::Service* const service : quorums) news.quorum(*service, of(*service));
  for (const auto& [service, server] : ends) news.end(*service, *server);
}

const ServiceDecision& ServiceStates::of(const config::Service& service) const {
  static const ServiceDecision kNone;
  const auto it = decisions_.find(service.name);
  return it == decisions_.end() ? kNone : it->second;
}

const ServerDecision& ServiceStates::of(const config::Service& service,
                                        const config::RealServer& server) const {
  static const ServerDecision kNone;
  const auto& servers = of(service).servers;
  const auto index = static_cast<std::size_t>(&server - service.real_servers.data());
  return index < servers.size() ? servers[index] : kNone;
}

}  // namespace lb::controlplane
