// The status of services and their real servers, for `lbcli`.
#pragma once

#include <string>

#include "controlplane/service/inventory.h"

namespace lb::api::control {
class Status;
}

namespace lb::controlplane {

// `started`: since when servers that are not followed yet are down. `held`: why the panic guard
// keeps servers in service.
void report(const Inventory& inventory, Time started, const std::string& held, Time now,
            api::control::Status& status);

// "8 of 10 real servers up"
std::string summary(const Inventory& inventory);

}  // namespace lb::controlplane
