// What a request to the control plane does, in an operator's words.
#pragma once

#include <optional>

#include "controlplane/api/controlplane.pb.h"
#include "dataplane/api/action.h"

namespace lb::controlplane {

// Nothing: it only asks. What is not known here counts as an action.
std::optional<api::Action> action_of(const api::control::Request& request);
// Of a change of the configuration, for the log.
std::string command_text(const api::control::ConfigCommand& command);

}  // namespace lb::controlplane
