// Runs an operator's programs in order, one at a time. Runs on the event loop.
#pragma once

#include <memory>
#include <string>

#include "controlplane/process.h"

namespace lb::controlplane {

class CommandQueue {
 public:
  explicit CommandQueue(boost::asio::io_context& io);
  // `what` names the program in the log when it does not end well.
  void run(Command command, std::string what);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
