// `lbcli show`: asks the daemons, and prints the answer by controlplane/view.
#pragma once

#include <iosfwd>

#include "controlplane/cli/daemons.h"
#include "controlplane/cli/options.h"
#include "controlplane/cli/outcome.h"

namespace lb::cli {

// All but what the data plane answers in parts (conns.h, persistence.h).
Result<void> show(const Options& options, const Daemons& daemons, std::ostream& out,
                  std::ostream& err);

}  // namespace lb::cli
