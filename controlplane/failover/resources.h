// Runs the programs of [[ha.resource]]: the commands, timers, log and alerts of each ResourceGroup.
// Runs on the main loop, because starting a program takes long.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "config/base/result.h"
#include "config/model.h"
#include "controlplane/failover/resource_report.h"

namespace boost::asio {
class io_context;
}

namespace lb::api::control {
class Ha;
class HaCommand;
}  // namespace lb::api::control

namespace lb::controlplane {

// A transition of a resource, for alerts.
struct ResourceAlert {
  std::string resource;
  std::string state;  // "failed", "restarted", "recovered", "stop failed", "stopped", "waiting"
  std::string reason;
};

class Resources {
 public:
  struct Host {
    std::function<void()> changed;  // reports() or faults() may be others now
    std::function<void(const ResourceAlert&)> alert;
  };

  Resources(boost::asio::io_context& io, const config::Config& config, Host host);
  // Kills commands that are being run; what they started stays.
  ~Resources();
  Resources(const Resources&) = delete;
  Resources& operator=(const Resources&) = delete;

  void configure(const config::Config& config);
  void update(const ResourceViews& views);
  // By group.
  ResourceReports reports() const;
  // By instance: why it must not be master.
  std::map<std::string, std::string> faults() const;
  // Of the command RETRY or CONFIRM: what was done.
  Result<std::string> command(const api::control::HaCommand& command);
  // Stops all of them for good, then calls back, at once or later.
  void leave(std::function<void()> done);
  // How long that takes at most.
  std::chrono::milliseconds stop_time() const;
  void stop();
  void fill(api::control::Ha& ha) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
