// The parts of validate_ha().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/validate.h"

namespace lb::config {

// The instances, against each other, the network and the services.
void validate_instances(const Config& config, std::vector<Problem>& problems);

// A name that stands in logs, in metrics and in what `lbcli` is told; empty ones are told
// elsewhere.
void check_ha_name(const std::string& name, std::string_view whose, const std::string& path,
                   std::vector<Problem>& problems);

}  // namespace lb::config
