// The commands that change the configuration of a director: reload, diff, commit, confirm,
// rollback; and what is shown of it.
#pragma once

#include <iosfwd>
#include <string>

#include "controlplane/cli/daemons.h"
#include "controlplane/cli/options.h"

namespace lb::cli {

struct Ended {
  int status;
  std::string message;  // why it failed; empty: it is said
};

// Changes and mistakes go to `out` and `err`. A change is waited for until the data plane has it.
Ended run_change(ControlClient& client, const Options& options, std::ostream& out,
                 std::ostream& err);

}  // namespace lb::cli
