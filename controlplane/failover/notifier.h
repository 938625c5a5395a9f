// Runs the operator's program at every transition: in order, one at a time, none lost. Runs on the
// main loop, because starting a program takes long.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/os/command_queue.h"

namespace boost::asio {
class io_context;
}

namespace lb::controlplane {

// A transition of an instance.
struct HaEvent {
  std::chrono::system_clock::time_point at;
  std::string instance;
  std::string from, to;  // "BACKUP", "MASTER"
  int priority = 0;
  std::string reason;
};

class Notifier {
 public:
  // The program gets keepalived's arguments after its own, "INSTANCE" NAME STATE PRIORITY, and
  // BALLAST_* in its environment. An empty command: nothing is run.
  Notifier(boost::asio::io_context& io, std::string director, std::vector<std::string> command,
           std::string user);

  void notify(const HaEvent& event);
  // Calls back when nothing is left to run, at once or later.
  void when_idle(std::function<void()> idle) { queue_.when_idle(std::move(idle)); }

 private:
  const std::string director_;
  const std::vector<std::string> command_;
  const std::string user_;
  CommandQueue queue_;
};

}  // namespace lb::controlplane
