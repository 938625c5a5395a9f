// What a configuration needs of this machine.
#pragma once

#include <vector>

#include "config/load.h"

namespace lb::controlplane::host {

// What the daemons would refuse at their start or at first use: a mistake each, at the key that
// names it. Changes nothing. Asks in child processes what others may do: not for event loops.
std::vector<config::Problem> missing(const config::Config& config);

// config::Machine::here() with missing().
config::Machine machine();

}  // namespace lb::controlplane::host
