// Decides what the data plane gets for a service: from its configuration, the health of its real
// servers, operators' changes, and the time. Pure: the caller passes the time.
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
  bool unchecked = false;  // with !up: no new connections, existing ones continue
  bool end = false;        // existing ones end, whatever on_server_down says
  // For status and log.
  bool ends_now = false;             // `end` is new in this decision
  bool in_service = false;           // up, ready
  std::uint16_t nominal_weight = 0;  // without quorum and slow start
  std::optional<unsigned> ramp;      // percent of its weight so far
  AdminState admin_state = AdminState::kReady;
  std::optional<std::chrono::milliseconds> drain_left;

  bool operator==(const ServerDecision&) const = default;
};

struct ServiceDecision {
  Scheduler scheduler = Scheduler::kWrr;
  std::optional<bool> quorum;   // nullopt before all servers were checked
  bool quorum_changed = false;  // by this decision
  std::uint64_t weight_up = 0;  // compared with the quorum
  bool sorry = false;           // the sorry server gets the new connections
  // When to decide again without any change.
  std::optional<Time> next;
};

// What decide() keeps from earlier decisions.
struct ServicePolicyState {
  std::optional<bool> quorum;
  bool adopted = false;
};
struct ServerPolicyState {
  bool known = false;  // its health was known once
  bool in_service = false;
  std::optional<Time> ramp_since;
};

// The data plane started before this process. `sorry`: it uses the sorry server.
void adopt_quorum(Service& service, bool sorry);

// Writes the decisions into the service and its servers, and their policy state.
void decide(Service& service, Time now);

}  // namespace lb::controlplane
