// A thread with its own event loop, for what must be on time whatever the other loops do. It runs
// with real-time priority where the system allows that, else with a higher priority than usual; the
// result is logged once.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>
#include <thread>

#include "controlplane/os/loop_beat.h"

namespace lb::controlplane {

class LoopThread {
 public:
  // The name is what ps and top show: at most 15 bytes.
  explicit LoopThread(std::string name);
  ~LoopThread();  // stops
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  boost::asio::io_context& io() { return io_; }
  const LoopBeat& beat() const { return beat_; }
  // Objects that use io() may be created by the calling thread before this, and belong to the new
  // thread after it.
  void start();
  // From any thread, in order.
  void post(std::function<void()> task);
  // Runs `last` on the loop, then ends the loop and waits for the thread. Tasks that have not run
  // by then are dropped. Without a running thread nothing is done.
  void stop(std::function<void()> last = {});

 private:
  void run();

  const std::string name_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  const LoopBeat beat_{io_};
  std::thread thread_;
};

}  // namespace lb::controlplane
