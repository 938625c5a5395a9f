// The folder of what must outlive a restart: made at the start, and this process's alone while it
// runs.
#pragma once

#include <string>

#include "config/base/result.h"

namespace lb::controlplane {

class StateDir {
 public:
  // Makes it (mode 0750) with the folders that lead there. Fails when it cannot be written to, or
  // when another process holds it.
  static Result<StateDir> open(const std::string& path);
  StateDir(StateDir&& other) noexcept;
  StateDir& operator=(StateDir&&) = delete;
  ~StateDir();

 private:
  explicit StateDir(int fd) : fd_(fd) {}

  int fd_;  // of the folder; its lock goes with the process, however it ends
};

}  // namespace lb::controlplane
