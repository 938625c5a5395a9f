// Decides what the data plane is told of a service: from its configuration, the health of its real
// servers, what operators changed, and the time. Pure: the time is handed in.
//
//   health, changes -> who is in service, with which weight -> quorum -> sorry server
//                                                           -> slow start
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "config/model.h"
#include "controlplane/service/overrides.h"

namespace lb::controlplane {

using Time = std::chrono::steady_clock::time_point;

struct ServerDecision {
  // For the data plane.
  std::uint16_t weight = 0;
  bool up = false;
  bool unchecked = false;  // with !up: no new connections, those that it has are left alone
  bool end = false;        // those that it has end, whatever on_server_down says
  // For whoever looks.
  bool ends_now = false;             // `end` by this decision
  bool in_service = false;           // up, ready
  std::uint16_t nominal_weight = 0;  // without quorum and slow start
  std::optional<unsigned> ramp;      // percent of its weight that it has got so far
  AdminState admin_state = AdminState::kReady;
  std::optional<std::chrono::milliseconds> drain_left;

  bool operator==(const ServerDecision&) const = default;
};

struct ServiceDecision {
  Scheduler scheduler = Scheduler::kWrr;
  std::optional<bool> quorum;   // not known before all servers were checked
  bool quorum_changed = false;  // it changed by this decision
  std::uint64_t weight_up = 0;  // what is compared with the quorum
  bool sorry = false;           // the sorry server gets the new connections
  // When to decide again though nothing happens.
  std::optional<Time> next;
};

// What is remembered of earlier decisions.
struct ServicePolicyState {
  std::optional<bool> quorum;
  bool adopted = false;
};
struct ServerPolicyState {
  bool known = false;  // its health has been
  bool in_service = false;
  std::optional<Time> ramp_since;
};

// The data plane is older than this process. `sorry`: it uses the sorry server.
void adopt_quorum(Service& service, bool sorry);

// Writes the decisions on the service and on its servers, and what is remembered of them.
void decide(Service& service, Time now);

}  // namespace lb::controlplane
