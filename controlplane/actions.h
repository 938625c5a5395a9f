// What a request to the control plane changes, as the command that an operator types.
#pragma once

#include <optional>

#include "controlplane/api/controlplane.pb.h"
#include "dataplane/api/action.h"

namespace lb::controlplane {

// nullopt: it only reads. An unknown request counts as an action.
std::optional<api::Action> action_of(const api::control::Request& request);
// A change of the configuration, for the log.
std::string command_text(const api::control::ConfigCommand& command);

}  // namespace lb::controlplane
