// Which service of a configuration is the same as one of the configuration before. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "config/model.h"

namespace lb::config {

// For each service of `next`, its index in `before`; nullopt: it is new. A service is the same as
// before if it has the same protocol and first address; else if it has an address of a removed
// service of the same protocol: the order of its addresses changed, or the first one was removed;
// else if it has the name of a removed service of the same protocol: it moved to other addresses.
std::vector<std::optional<std::size_t>> match_services(const std::vector<Service>& before,
                                                       const std::vector<Service>& next);

}  // namespace lb::config
