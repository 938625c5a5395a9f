// The folder for what must survive a restart: created at the start, and locked by this process
// while it runs.
#pragma once

#include <string>

#include "config/base/result.h"

namespace lb::controlplane {

class StateDir {
 public:
  // Creates it (mode 0750) with its parents. Fails when it is not writable, or when another process
  // has locked it.
  static Result<StateDir> open(const std::string& path);
  StateDir(StateDir&& other) noexcept;
  StateDir& operator=(StateDir&&) = delete;
  ~StateDir();

 private:
  explicit StateDir(int fd) : fd_(fd) {}

  int fd_;  // of the folder; its lock ends with the process
};

}  // namespace lb::controlplane
