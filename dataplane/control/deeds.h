// What a request to the data plane does, in an operator's words.
#pragma once

#include <optional>

#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/deed.h"

namespace lb {

// Nothing: it only asks. What is not known here counts as a deed.
std::optional<api::Deed> deed_of(const api::Request& request);

}  // namespace lb
