// `lbcli import`: reads the files of another load balancer and writes a configuration of this one.
#pragma once

#include <iosfwd>

#include "config/base/result.h"
#include "controlplane/cli/options.h"

namespace lb::cli {

// The configuration goes to `out` or to the file of -o, notes to `err`.
Result<void> run_import(const Options& options, std::ostream& out, std::ostream& err);

}  // namespace lb::cli
