// A thread for what a disk may hold up, so that no event loop waits for it: tasks run there one after
// the other.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace lb {

class Background {
 public:
  // The name is what ps and top show: at most 15 bytes. `most_waiting`: tasks.
  Background(const std::string& name, std::size_t most_waiting);
  // Waits for the task that runs, a second at most: a thread that hangs is left behind, and so are
  // tasks that wait. So a task must own what it uses.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // From any thread. False: too many tasks wait, and this one will not run.
  [[nodiscard]] bool run(std::function<void()> task);
  // Until no task waits or runs. False: that took longer.
  [[nodiscard]] bool finish(std::chrono::milliseconds limit);

 private:
  struct State;
  const std::shared_ptr<State> state_;  // also the thread's
  std::thread thread_;
};

}  // namespace lb
