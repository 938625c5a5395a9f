// Runs a program of an operator from the event loop: no shell, its own process group, which is killed
// as a whole after the time limit, when the program has ended (but see Command), and with the event
// loop. It gets
// nothing of ours: no variable of the environment, no descriptor (0 to 2 are /dev/null), no
// capability that its user would not have; its folder is /, its umask 077, and signals do what they
// do by default. Runs on the event loop.
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

inline constexpr const char* kProgramPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Command {
  std::vector<std::string> argv;         // the program is searched in kProgramPath
  std::vector<std::string> environment;  // "NAME=value", beside PATH, which is kProgramPath
  std::string user;                      // with its groups; empty: ours
  bool starts_daemon = false;            // what it leaves behind lives on if it was good
};

// How it ended; `error` is not empty when it failed: "exit status 3", "killed after 2s".
struct ProcessResult {
  bool good = false;
  std::string error;
  std::optional<int> status;  // when the program exited by itself
};

// Calls back once. `limit`: the time limit. A program that cannot be started has failed. What is
// returned kills it before its time, as at the limit; after its end it has no effect.
std::function<void()> run_process(boost::asio::io_context& io, const Command& command,
                                  std::chrono::milliseconds limit,
                                  std::function<void(const ProcessResult&)> on_end);

}  // namespace lb::controlplane
