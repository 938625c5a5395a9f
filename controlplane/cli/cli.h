// lbcli: shows and controls a director.
#pragma once

#include <iosfwd>

namespace lb::cli {

// Exit statuses; scripts rely on them. outcome.h says which error has which.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;      // refused or failed; no permission; output not writable
inline constexpr int kUsage = 2;       // arguments, names, or the configuration are wrong
inline constexpr int kDaemonDown = 3;  // a daemon does not run, or stopped answering

// Everything that lbcli does; returns its exit status. Answers go to `out`, one line per error to
// `err`. Throws nothing.
int run(int argc, char** argv, std::ostream& out, std::ostream& err);
int run(int argc, char** argv);  // on stdout and stderr

}  // namespace lb::cli
