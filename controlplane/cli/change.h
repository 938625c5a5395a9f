// The commands that change the configuration of a director: reload, diff, commit, confirm,
// rollback; and `show changes`.
#pragma once

#include <iosfwd>
#include <string>

#include "controlplane/cli/daemons.h"
#include "controlplane/cli/options.h"

namespace lb::cli {

// Changes go to `out`, errors to `err`. Waits until the data plane has applied a change.
Result<void> run_change(const Daemons& daemons, const Options& options, std::ostream& out,
                        std::ostream& err);

}  // namespace lb::cli
