// The other director's HA groups, as its heartbeats say. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "vrrp/fsm.h"

namespace lb::sync {
class Heartbeat;
}

namespace lb::controlplane {

// By name.
using PeerGroups = std::map<std::string, vrrp::Peer>;
// nullopt: malformed.
std::optional<PeerGroups> peer_groups(const lb::sync::Heartbeat& heartbeat);

}  // namespace lb::controlplane
