// Brings together what the control plane knows (configuration, health, next hops) and applies it:
// the kernel's interfaces by Interfaces, the data plane's snapshot by DataplaneClient.
//
//   configuration --adopt()------+
//   servers    --health, MACs----+--> service/inventory --> build_snapshot() --> dataplane_client
//   operations --decisions-------+                              ^
//   failover   --standby----------------------------------------+
//
// A server that goes down is taken out in the same turn of the event loop; everything else waits
// some milliseconds for company. At start nothing is decided before the data plane has told what it
// runs: servers that are up there stay up, and next hops stay, until something else is learnt.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/base/result.h"
#include "config/model.h"

namespace boost::asio {
class io_context;
}

namespace lb::api::control {
class AlertRequest;
class AlertStatus;
class HaCommand;
class SetCommand;
class Status;
}  // namespace lb::api::control

namespace lb::controlplane {

class Applier {
 public:
  Applier(boost::asio::io_context& io, config::ConfigPtr config);
  ~Applier();
  Applier(const Applier&) = delete;
  Applier& operator=(const Applier&) = delete;

  // Fails when the kernel's network cannot be watched, which needs root or CAP_NET_ADMIN.
  Result<void> start();
  // Hands over to the HA peer what this director is master of; then calls back. Without HA at once.
  void leave(std::function<void()> done);
  // Takes the VIPs away and stops checking and applying. The data plane forwards on.
  void stop();

  // Another configuration in the place of the one that runs, as one transaction: what it has in
  // common with it goes on, with its health and connections. It may differ in what needs no restart
  // alone (config/diff.h). `done` is called once, at once or later: when the data plane forwards by
  // it, when it refused it, or when there is no data plane, which gets it as soon as it comes.
  void configure(config::ConfigPtr next, std::function<void(Result<void>)> done);

  // What operators set at run time, a line each.
  std::vector<std::string> set_changes() const;
  // Calls back once, at once or when the failover thread has told its part. `with_checks`: with
  // Status.checks, which may be thousands.
  void status(bool with_checks, std::function<void(api::control::Status)> done) const;
  // Calls back once, at once or later, with what was begun, or why not.
  void ha_command(const api::control::HaCommand& command,
                  std::function<void(Result<std::string>)> done);
  Result<void> alert(const api::control::AlertRequest& request, api::control::AlertStatus& status);
  // What was done to a service or a real server, or why not.
  Result<std::string> set(const api::control::SetCommand& command);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
