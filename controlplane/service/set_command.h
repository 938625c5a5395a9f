// `lbcli set`: from the message to what operators changed. Pure.
#pragma once

#include <string>

#include "config/base/result.h"
#include "controlplane/service/overrides.h"

namespace lb::api::control {
class SetCommand;
}

namespace lb::controlplane {

struct Changed {
  Changes changes;
  std::string text;  // what was done, for the operator and the log
};

Result<Changed> change(const api::control::SetCommand& command,
                       const std::vector<config::Service>& services, Changes changes,
                       std::chrono::steady_clock::time_point now);

}  // namespace lb::controlplane
