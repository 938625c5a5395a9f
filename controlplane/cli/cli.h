// lbcli: shows and controls a director.
#pragma once

#include <iosfwd>

namespace lb::cli {

// Exit statuses; scripts rely on them.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;  // a daemon refused, another release, output not writable
inline constexpr int kUsage = 2;   // arguments, filters, or the checked file are wrong
inline constexpr int kDaemonDown = 3;

// Everything that lbcli does; returns its exit status. Answers go to `out`, one line per error to
// `err`. Throws nothing.
int run(int argc, char** argv, std::ostream& out, std::ostream& err);
int run(int argc, char** argv);  // on stdout and stderr

}  // namespace lb::cli
