// Numbers of services and real servers inside the control plane. Assigned once in the life of the
// process, and kept over every change of the configuration that keeps the service or server
// (Inventory::adopt()). They mean nothing outside of the process.
#pragma once

#include <cstdint>

namespace lb {

enum class ServiceId : std::uint32_t {};
enum class RealServerId : std::uint32_t {};

}  // namespace lb
