// Connections chosen by filters, for `show conn` and `flush conn`.
#pragma once

#include <iosfwd>

#include "controlplane/cli/options.h"
#include "controlplane/cli/outcome.h"

namespace lb::cli {

api::Request conns_request(const ConnFilter& filter);

// Begins to end them, and waits until that is through.
Outcome<void> flush_conns(DataplaneClient& client, const Options& options, std::ostream& out);

}  // namespace lb::cli
