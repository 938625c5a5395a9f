// The commands that change the configuration of a director: reload, diff, commit, confirm,
// rollback; and `show changes`.
#pragma once

#include <iosfwd>
#include <string>

#include "controlplane/cli/daemons.h"
#include "controlplane/cli/options.h"

namespace lb::cli {

struct Ended {
  int status;
  std::string message;  // why it failed; empty: already printed
};

// Changes go to `out`, errors to `err`. Waits until the data plane has applied a change.
Ended run_change(ControlClient& client, const Options& options, std::ostream& out,
                 std::ostream& err);

}  // namespace lb::cli
