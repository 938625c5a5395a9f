// The services' policies, what operators changed, and what was decided last.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/model.h"
#include "controlplane/service/overrides.h"
#include "controlplane/service/policy.h"

namespace lb::controlplane {

class ServiceStates {
 public:
  using Time = ServicePolicy::Time;
  using HealthOf =
      std::function<ServerHealth(const config::Service& service, const config::RealServer& server)>;
  struct News {
    // A quorum was gained or lost.
    std::function<void(const config::Service& service, const ServiceDecision& decision)> quorum;
    // The deadline of a drain has come.
    std::function<void(const config::Service& service, const config::RealServer& server)> end;
  };

  explicit ServiceStates(config::ConfigPtr config);

  // Another configuration: services and servers that stay keep what is known of them. What was
  // changed at run time stays as far as it still means something.
  void configure(config::ConfigPtr config);

  void adopt(const config::Service& service, bool sorry) { policies_[service.name].adopt(sorry); }

  // Decides on every service anew, then tells the news.
  void decide(const HealthOf& health_of, const News& news, Time now);

  // The last decision; an empty one before the first.
  const ServiceDecision& of(const config::Service& service) const;
  const ServerDecision& of(const config::Service& service, const config::RealServer& server) const;
  // When decide() is due though nothing happens.
  std::optional<Time> next() const { return next_; }

  const Changes& changes() const { return changes_; }
  void set_changes(Changes changes);

 private:
  config::ConfigPtr config_;
  Changes changes_;
  std::unordered_map<std::string, ServicePolicy> policies_;
  std::unordered_map<std::string, ServiceDecision> decisions_;
  std::optional<Time> next_;
};

}  // namespace lb::controlplane
