// What `lbcli` is told of services and their real servers.
#pragma once

#include <string>

#include "controlplane/service/inventory.h"

namespace lb::api::control {
class Status;
}

namespace lb::controlplane {

// `started`: since when what is not followed yet is down. `held`: why the panic guard keeps servers
// in service.
void report(const Inventory& inventory, Time started, const std::string& held, Time now,
            api::control::Status& status);

}  // namespace lb::controlplane
