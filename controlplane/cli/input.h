// The configuration that an operator hands to a command.
#pragma once

#include <string>

#include "config/base/result.h"
#include "config/load.h"

namespace lb::cli {

// A regular file; or what another program writes: "-" and "/dev/stdin" are standard input,
// "/dev/fd/N" and "/proc/self/fd/N" an open descriptor, as a shell names that of <(...). Waits for
// its end. A FIFO at any other path is refused: nobody may ever write to it.
Result<std::string> read_input(const std::string& name);
config::Loaded load_input(const std::string& name, const config::Machine& machine);

}  // namespace lb::cli
