// Runs a program beside the event loop: no shell, its own process group, which is killed as a whole
// when it takes too long, when the program has ended, and with the event loop. Runs on the event
// loop.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace lb::controlplane {

struct Command {
  std::vector<std::string> argv;         // the program is looked for along PATH
  std::vector<std::string> environment;  // "NAME=value", beside our own
  std::string user;                      // empty: ours
};

// How it ended; `error` is not empty when it did not end well: "exit status 3", "killed after 2s".
struct ProcessResult {
  bool good = false;
  std::string error;
  std::optional<int> status;  // when the program ran and ended by itself
};

// Calls back once. `limit` is what the program may take. A program that cannot be started has ended
// badly.
void run_process(boost::asio::io_context& io, const Command& command,
                 std::chrono::milliseconds limit, std::function<void(const ProcessResult&)> on_end);

}  // namespace lb::controlplane
