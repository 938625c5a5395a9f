// What `lbcli` is told of services and their real servers.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "controlplane/health/checker.h"
#include "controlplane/service/states.h"

namespace lb::api::control {
class Status;
}

namespace lb::controlplane {

struct ServerFacts {
  health::State health;
  bool next_hop_resolved = false;
  std::string held = {};  // why it is in service though its check fails
};

using FactsOf =
    std::function<ServerFacts(const config::Service& service, const config::RealServer& server)>;

void report_services(const std::vector<config::Service>& services, const ServiceStates& states,
                     const FactsOf& facts_of, ServiceStates::Time now,
                     api::control::Status& status);

}  // namespace lb::controlplane
