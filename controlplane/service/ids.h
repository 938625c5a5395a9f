// Numbers of services and real servers, by which the parts of the control plane speak of them.
// Given once in the life of the process, and kept over every change of the configuration that keeps
// the thing itself (Inventory::adopt()). They mean nothing outside of the process.
#pragma once

#include <cstdint>

namespace lb {

enum class ServiceId : std::uint32_t {};
enum class RealServerId : std::uint32_t {};

}  // namespace lb
