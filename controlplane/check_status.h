// What the health checks do, as the control plane's API tells it.
#pragma once

#include <functional>

namespace lb::api::control {
class Status;
}
namespace lb::health {
class Checker;
struct State;
}  // namespace lb::health

namespace lb::controlplane {

// `held`: whether the panic guard holds a target that is in this state.
void put_checks(const health::Checker& checker,
                const std::function<bool(const health::State&)>& held,
                api::control::Status& status);

}  // namespace lb::controlplane
