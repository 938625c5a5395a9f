// What the health checks do, as the control plane's API tells it.
#pragma once

namespace lb::api::control {
class Status;
}
namespace lb::health {
class Checker;
}

namespace lb::controlplane {

void put_checks(const health::Checker& checker, api::control::Status& status);

}  // namespace lb::controlplane
