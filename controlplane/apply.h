// Brings together what the control plane knows (configuration, health, next hops) and applies it:
// the kernel's interfaces by Interfaces, the data plane's snapshot by DataplaneClient.
//
//   configuration --adopt()------+
//   servers    --health, MACs----+--> service/inventory --> build_snapshot() --> dataplane_client
//   operations --decisions-------+                              ^
//   failover   --standby----------------------------------------+
//
// A server that goes down is taken out in the same turn of the event loop; other changes are
// collected for some milliseconds. At start nothing is decided before the data plane has reported
// its snapshot: servers that are up there stay up, and next hops stay, until there is something
// newer.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/base/result.h"
#include "config/model.h"
#include "controlplane/os/loop_beat.h"

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

class FileWriter;
class Inventory;

class Applier {
 public:
  // The writer, of the same loop, outlives this.
  Applier(boost::asio::io_context& io, FileWriter& writer, config::ConfigPtr config);
  ~Applier();
  Applier(const Applier&) = delete;
  Applier& operator=(const Applier&) = delete;

  // Fails when the kernel's network cannot be watched, which needs root or CAP_NET_ADMIN.
  Result<void> start();
  // After start(): of the failover thread; null: there is none.
  LoopBeat::Count failover_beats() const;
  // Removes the VIPs of no HA instance, hands masterships over to the HA peer, waits for the notify
  // program and alerts; then calls back. `waiting` is called with what it waits for, for the log.
  // Resources are stopped meanwhile, which stop_time() says the limit of.
  using Waiting = std::function<void(const std::string& what)>;
  void leave(const Waiting& waiting, std::function<void()> done);
  // How much longer than without resources leave() may take.
  std::chrono::milliseconds stop_time() const;
  // Removes the VIPs and stops checking and applying. The data plane continues to forward.
  void stop();

  // Replaces the running configuration, as one transaction: what both have in common keeps its
  // health and connections. They may differ only in what needs no restart (config/diff.h). `done`
  // is called once, at once or later: when the data plane has applied it, when it refused it, or
  // when there is no data plane, which gets it as soon as it connects.
  void configure(config::ConfigPtr next, std::function<void(Result<void>)> done);

  // Puts a configuration back, with what operators had changed when it was in force: changes_text()
  // of the inventory then.
  void restore(config::ConfigPtr before, const std::string& overrides,
               std::function<void(Result<void>)> done);

  const Inventory& inventory() const;
  // Calls back once, at once or when the failover thread has added its part. `with_checks`: with
  // Status.checks, which may be thousands.
  void status(bool with_checks, std::function<void(api::control::Status)> done) const;
  using Told = std::function<void(Result<std::string>)>;
  // Calls back once, at once or later, with what was started, or why not.
  void ha_command(const api::control::HaCommand& command, Told done);
  Result<void> alert(const api::control::AlertRequest& request, api::control::AlertStatus& status);
  // Calls back once with what was done to a service or a real server, or why not: when the disk has
  // it, without which a restart undoes it, which is an error. It is in force when this returns, or
  // after a change of the configuration that is on its way to the data plane: if that is refused, the
  // one before gets back what operators had changed then, and this must not be among what is lost.
  void set(const api::control::SetCommand& command, Told done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
