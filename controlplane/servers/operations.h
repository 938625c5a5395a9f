// The services at run time: applies operators' changes, decides, logs the results, and runs the
// programs of quorums. Operators' changes survive a restart.
#pragma once

#include <functional>
#include <optional>
#include <set>
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
class FileWriter;

class Operations {
 public:
  // The references must outlive this.
  Operations(boost::asio::io_context& io, FileWriter& writer, Inventory& inventory, Alerts& alerts);

  // Loads operators' changes from before the restart.
  void load();
  // What was done, or why not. decide() and save() are due after it.
  Result<std::string> set(const api::control::SetCommand& command);
  // Calls back once, later: the changes are on disk, or why not.
  void save(std::function<void(const Result<void>&)> done);
  // The inventory has adopted another configuration: only saved changes stay in force. `restored`:
  // what changes_text() gave when this configuration was in force before; null: it is a new one.
  void configure(const std::string* restored);

  // Decides for every service, and reports quorums. Returns when it is due again without any
  // change. `standby`: VIPs of which another director is master; null: that is not known yet.
  std::optional<Time> decide(const std::set<Address>* standby);

 private:
  void report_quorum(Service& service);
  void run_program(const Service& service);

  boost::asio::io_context& io_;
  FileWriter& writer_;
  Inventory& inventory_;
  Alerts& alerts_;
  const std::string path_;
  std::unordered_map<ServiceId, CommandQueue> programs_;
};

}  // namespace lb::controlplane
