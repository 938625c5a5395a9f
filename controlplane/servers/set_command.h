// `lbcli set`: applies the message to the inventory. Pure.
#pragma once

#include <chrono>
#include <string>

#include "config/base/result.h"
#include "controlplane/service/inventory.h"

namespace lb::api::control {
class SetCommand;
}

namespace lb::controlplane {

// The target of a command.
struct Place {
  Service* service = nullptr;
  RealServer* server = nullptr;  // null: the service itself
};
Result<Place> find_place(const api::control::SetCommand& command, Inventory& inventory);

// What was done, for the operator and the log; or why nothing was.
Result<std::string> change(const api::control::SetCommand& command, const Place& place,
                           std::chrono::steady_clock::time_point now);

}  // namespace lb::controlplane
