// The services at run time: decides on them with what operators changed, logs what comes of it, and
// runs the programs of quorums. What operators changed outlives the process.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "config/base/result.h"
#include "controlplane/os/command_queue.h"
#include "controlplane/service/inventory.h"

namespace lb::api::control {
class SetCommand;
}

namespace lb::controlplane {

class Alerts;

class Operations {
 public:
  // What is handed in by reference outlives this.
  Operations(boost::asio::io_context& io, Inventory& inventory, Alerts& alerts);

  // What operators changed in an earlier life.
  void load();
  // What was done, or why not. decide() is due after it.
  Result<std::string> set(const api::control::SetCommand& command);
  // The inventory has adopted another configuration: back to what is in its file, and to what was
  // saved.
  void configure();

  // Decides on every service anew, and tells of quorums. When it is due again though nothing
  // happens.
  std::optional<Time> decide();

 private:
  void on_quorum(Service& service);

  boost::asio::io_context& io_;
  Inventory& inventory_;
  Alerts& alerts_;
  const std::string path_;
  std::unordered_map<ServiceId, CommandQueue> programs_;
};

}  // namespace lb::controlplane
