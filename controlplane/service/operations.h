// The services at run time: decides on them with what operators changed, logs what comes of it, and
// runs the programs of quorums. What operators changed outlives the process.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "config/base/result.h"
#include "config/model.h"
#include "controlplane/command_queue.h"
#include "controlplane/service/states.h"

namespace lb::api::control {
class SetCommand;
}

namespace lb::controlplane {

class Operations {
 public:
  Operations(boost::asio::io_context& io, config::ConfigPtr config);

  // What operators changed in an earlier life.
  void load();
  // What was done, or why not. decide() is due after it.
  Result<std::string> set(const api::control::SetCommand& command);
  // Another configuration: back to what is in its file, and to what was saved.
  void configure(config::ConfigPtr config);

  // Of a quorum that was reached or lost, and the weights; not of the plain one of one server.
  using OnQuorum =
      std::function<void(const std::string& service, bool reached, const std::string& reason)>;
  void decide(const ServiceStates::HealthOf& health_of, const OnQuorum& told);

  ServiceStates& states() { return states_; }
  const ServiceStates& states() const { return states_; }

 private:
  Result<void> keep(Changes changes);
  void back_to_file();
  void on_quorum(const config::Service& service, const ServiceDecision& decision,
                 const OnQuorum& told);

  boost::asio::io_context& io_;
  config::ConfigPtr config_;
  const std::string path_;
  ServiceStates states_;
  std::map<std::string, CommandQueue> programs_;  // by service
};

}  // namespace lb::controlplane
