// The state of the health checks, for the control plane's API.
#pragma once

namespace lb::api::control {
class Status;
}
namespace lb::health {
class Checker;
}

namespace lb::controlplane {

class Inventory;

void put_checks(const health::Checker& checker, const Inventory& inventory,
                api::control::Status& status);

}  // namespace lb::controlplane
