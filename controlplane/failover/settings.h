// What the failover thread is given: values, so that it shares nothing with the main loop that
// changes.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "config/model.h"
#include "controlplane/network/topology.h"

namespace lb::sync {
class Message;
}

namespace lb::controlplane {

// What it needs of the configuration. Never changed once it is made.
struct Settings {
  std::string director;
  std::string dataplane_socket;
  std::vector<std::string> ports;  // names, by their numbers
  std::vector<Interface> interfaces;
  config::Ha ha;
  std::shared_ptr<const lb::sync::Message> services;  // as the peer is told of them
};
using SettingsPtr = std::shared_ptr<const Settings>;

SettingsPtr settings_of(const config::Config& config);

// What the main loop knows and decisions depend on.
struct Facts {
  std::set<std::string> failing_services;  // that are tracked: none of their real servers is up
  std::set<std::string> failing_scripts;
  bool all_servers_checked = false;  // at least once

  bool operator==(const Facts&) const = default;
};

}  // namespace lb::controlplane
