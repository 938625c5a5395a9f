// The version of the control plane's local API (controlplane.proto). Both sides say theirs in Hello;
// the server closes the connection after an error when they differ, so that a program of another
// release is refused instead of being misread. Raised by every change that is not additive.
#pragma once

#include <cstdint>

namespace lb::api::control {

inline constexpr std::uint32_t kControlProtocolVersion = 1;

}  // namespace lb::api::control
