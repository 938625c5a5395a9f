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
  // `config` outlives this.
  Operations(boost::asio::io_context& io, const config::Config& config);

  // What operators changed in an earlier life.
  void load();
  // What was done, or why not. decide() is due after it.
  Result<std::string> set(const api::control::SetCommand& command);
  // Back to the file, and to what was saved. To be followed by states().set_services(), which drops
  // what the new file makes meaningless.
  void back_to_file();

  // Of a quorum that was reached or lost, and the weights; not of the plain one of one server.
  using OnQuorum =
      std::function<void(const std::string& service, bool reached, const std::string& reason)>;
  void decide(const ServiceStates::HealthOf& health_of, const OnQuorum& told);

  ServiceStates& states() { return states_; }
  const ServiceStates& states() const { return states_; }

 private:
  Result<void> keep(Changes changes);
  void on_quorum(const config::Service& service, const ServiceDecision& decision,
                 const OnQuorum& told);

  boost::asio::io_context& io_;
  const config::Config& config_;
  const std::string path_;
  ServiceStates states_;
  std::map<std::string, CommandQueue> programs_;  // by service
};

}  // namespace lb::controlplane
