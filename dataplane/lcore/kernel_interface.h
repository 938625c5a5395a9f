// A port's interface in the kernel: a TAP with the port's name and MAC address, made by this
// process and gone with it. What the pipeline punts comes out of it, what the kernel sends by it
// leaves through the port.
#pragma once

#include <cstdint>
#include <string>

#include "config/base/net.h"
#include "config/base/result.h"
#include "dataplane/lcore/device.h"

namespace lb {

struct KernelInterface {
  std::uint16_t device = 0;  // DPDK's port number
  StartedDevice started;
};

// Makes the interface and brings it up. `index` is the port's, and `setup` too: larger packets than
// 1500 bytes do not go to the kernel, whatever the port's MTU is.
Result<KernelInterface> make_kernel_interface(const std::string& name, const MacAddress& mac,
                                              std::size_t index, DeviceSetup setup);

}  // namespace lb
