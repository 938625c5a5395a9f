// The other director's HA groups, as its heartbeats say. Pure.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "controlplane/failover/resource_report.h"
#include "vrrp/fsm.h"

namespace lb::sync {
class Heartbeat;
}

namespace lb::controlplane {

struct PeerGroup {
  vrrp::Peer vrrp;
  vrrp::State sees = vrrp::State::kInit;  // what it received of our group; kInit: nothing
  Programs programs = Programs::kUnknown;
  std::chrono::milliseconds stop_time{0};  // of its programs
};
// By name.
using PeerGroups = std::map<std::string, PeerGroup>;
// nullopt: malformed.
std::optional<PeerGroups> peer_groups(const lb::sync::Heartbeat& heartbeat);

}  // namespace lb::controlplane
