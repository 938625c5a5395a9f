// The version of the control plane's local API (controlplane.proto). Both APIs share one greeting
// (dataplane/api/server.h, client.h) and so one version: a program of another release is refused
// instead of being misread.
#pragma once

#include <cstdint>

#include "dataplane/api/frame.h"

namespace lb::api::control {

inline constexpr std::uint32_t kControlProtocolVersion = kProtocolVersion;

}  // namespace lb::api::control
