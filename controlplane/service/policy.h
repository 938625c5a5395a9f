// Decides what the data plane is told of a service: from its configuration, the health of its real
// servers, what operators changed, and the time. Pure: the time is handed in.
//
//   health, changes -> who is in service, with which weight -> quorum -> sorry server
//                                                           -> slow start
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "config/model.h"
#include "controlplane/service/overrides.h"

namespace lb::controlplane {

struct ServerHealth {
  bool up = false;
  bool unchecked = false;                    // down because nothing is known of it yet
  std::optional<std::uint16_t> weight = {};  // by an agent or a script, instead of the configured
};

struct ServerDecision {
  // For the data plane.
  std::uint16_t weight = 0;
  bool up = false;
  bool unchecked = false;  // with !up: no new connections, those that it has are left alone
  bool end = false;        // those that it has end, whatever on_server_down says
  // For whoever looks.
  bool in_service = false;           // up, ready
  std::uint16_t nominal_weight = 0;  // without quorum and slow start
  std::optional<unsigned> ramp;      // percent of its weight that it has got so far
  Duty duty = Duty::kReady;
  std::optional<std::chrono::milliseconds> drain_left;

  bool operator==(const ServerDecision&) const = default;
};

struct ServiceDecision {
  Scheduler scheduler = Scheduler::kWrr;
  std::vector<ServerDecision> servers;  // in the order of the configuration
  std::optional<bool> quorum;           // not known before all servers were checked
  bool quorum_news = false;             // it changed by this decision
  std::uint64_t weight_up = 0;          // what is compared with the quorum
  bool sorry = false;                   // the sorry server gets the new connections
  // When to decide again though nothing happens.
  std::optional<std::chrono::steady_clock::time_point> next;
};

class ServicePolicy {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // The data plane is older than this process. `sorry`: it uses the sorry server.
  void adopt(bool sorry);

  // `health` is in the order of the service's real servers.
  ServiceDecision decide(const config::Service& service, std::span<const ServerHealth> health,
                         const ServiceOverride& change, Time now);

 private:
  struct Memory {
    bool in_service = false;
    std::optional<Time> ramp_since;
  };

  void follow_quorum(const config::Service& service, bool all_checked, ServiceDecision& decision);
  void follow_returns(const config::Service& service, std::span<const ServerHealth> health,
                      const ServiceDecision& decision, Time now);
  void ramp(const config::Service& service, Time now, ServiceDecision& decision);

  std::optional<bool> quorum_;
  bool adopted_ = false;
  std::map<Ipv4Endpoint, Memory> memory_;  // of servers whose health has been known
};

}  // namespace lb::controlplane
