// What a request to the data plane does, in an operator's words.
#pragma once

#include <optional>

#include "dataplane/api/action.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb {

// Nothing: it only reads. Unknown requests count as actions.
std::optional<api::Action> action_of(const api::Request& request);

}  // namespace lb
