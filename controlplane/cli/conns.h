// Connections selected by filters, for `show conn` and `flush conn`.
#pragma once

#include <iosfwd>

#include "controlplane/cli/options.h"
#include "controlplane/cli/outcome.h"

namespace lb::cli {

// Printed as they arrive: there may be millions.
Result<void> show_conns(DataplaneClient& client, const Options& options, std::ostream& out);

// Ends them, and waits until that is done.
Result<void> flush_conns(DataplaneClient& client, const Options& options, std::ostream& out);

}  // namespace lb::cli
