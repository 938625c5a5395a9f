// Runs an operator's programs in order, one at a time, none lost. Runs on the event loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controlplane/os/process.h"

namespace lb::controlplane {

class CommandQueue {
 public:
  explicit CommandQueue(boost::asio::io_context& io);
  // Logs programs that still run.
  ~CommandQueue();
  CommandQueue(const CommandQueue&) = delete;
  CommandQueue& operator=(const CommandQueue&) = delete;

  // `what` names the program in the log when it fails.
  void run(Command command, std::string what);
  // Calls back when nothing is left to run, at once or later.
  void when_idle(std::function<void()> idle);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
