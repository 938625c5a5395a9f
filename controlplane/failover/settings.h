// The input of the failover thread: values, so that it shares no mutable data with the main loop.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "config/model.h"
#include "controlplane/failover/resource_report.h"
#include "controlplane/network/topology.h"

namespace lb::sync {
class Message;
}

namespace lb::controlplane {

// What it needs from the configuration. Immutable.
struct Settings {
  std::string director;
  std::string dataplane_socket;
  std::vector<std::string> ports;  // names, by their numbers
  std::vector<Interface> interfaces;
  config::Ha ha;
  std::shared_ptr<const lb::sync::Message> services;  // as sent to the peer
};
using SettingsPtr = std::shared_ptr<const Settings>;

SettingsPtr settings_of(const config::Config& config);

// State of the main loop that decisions depend on.
struct Facts {
  std::set<std::string> failing_services;  // tracked services without a healthy real server
  std::set<std::string> failing_scripts;
  bool all_servers_checked = false;                     // at least once
  ResourceReports resources;                            // by group
  std::map<std::string, std::string> failed_resources;  // by instance: why it must not be master

  bool operator==(const Facts&) const = default;
};

}  // namespace lb::controlplane
