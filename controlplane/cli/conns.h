// Connections chosen by filters, for `show conn` and `flush conn`.
#pragma once

#include <iosfwd>

#include "controlplane/cli/options.h"
#include "controlplane/cli/outcome.h"

namespace lb::cli {

// As they come: they may be millions.
Outcome<void> show_conns(DataplaneClient& client, const Options& options, std::ostream& out);

// Begins to end them, and waits until that is through.
Outcome<void> flush_conns(DataplaneClient& client, const Options& options, std::ostream& out);

}  // namespace lb::cli
