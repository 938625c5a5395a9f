// `show persistence` and `flush persistence`: what the data plane answers in parts.
#pragma once

#include <iosfwd>

#include "controlplane/cli/options.h"
#include "controlplane/cli/outcome.h"

namespace lb::cli {

Result<void> show_persistence(DataplaneClient& client, const Options& options, std::ostream& out);
Result<void> flush_persistence(DataplaneClient& client, const Options& options, std::ostream& out);

}  // namespace lb::cli
