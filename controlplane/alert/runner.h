// Runs the operator's program for every event: in order, one at a time, none lost while this
// process lives. Runs on the event loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "config/model.h"
#include "controlplane/alert/event.h"

namespace boost::asio {
class io_context;
}

namespace lb::controlplane::alert {

class Runner {
 public:
  struct Status {
    std::size_t queue = 0;  // with the one that runs
    std::uint64_t good = 0;
    std::uint64_t bad = 0;
    std::string last_error;
  };

  Runner(boost::asio::io_context& io, std::string director, const config::Alert& config);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Applies to later runs, also of queued events.
  void configure(const config::Alert& config);
  void enqueue(const Event& event);
  // Calls back when nothing is left to run, at once or later.
  void when_idle(std::function<void()> idle);
  Status status() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane::alert
