// For tests: a private network namespace, in which tests may create interfaces.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>

namespace lb::test {

// Moves the calling thread into a new namespace. False without permission.
inline bool enter_new_namespace() {
  return ::unshare(CLONE_NEWNET) == 0;
}

// Runs a command line, as an operator or another program would at the same time.
inline void shell(const std::string& command) {
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

// Runs the event loop until `done`; false after 20 seconds.
inline bool run_until(boost::asio::io_context& io, const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    io.restart();
    io.run_one_for(std::chrono::milliseconds(100));
  }
  return true;
}

}  // namespace lb::test
