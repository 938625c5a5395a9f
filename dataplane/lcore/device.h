// One DPDK Ethernet device: found or made, configured, started, closed. Main thread.
#pragma once

#include <cstdint>
#include <string>

#include "config/base/net.h"
#include "config/base/result.h"
#include "dataplane/lcore/queue_plan.h"

struct rte_mempool;

namespace lb {

// The value of an argument, `key` "iface": "eth1" of "net_af_packet0,iface=eth1"; empty when the
// device has no such argument.
std::string argument_of(const std::string& device, const std::string& key);
std::string interface_of(const std::string& device);

// DPDK's port number of a port's device: a PCI device that EAL has probed, or a vdev made now.
Result<std::uint16_t> open_device(const std::string& device);

struct DeviceSetup {
  std::uint16_t mtu = 1500;
  unsigned workers = 1;
  std::uint16_t descriptors = 1024;  // per queue; adjusted to what the device accepts
  rte_mempool* pool = nullptr;
};

struct StartedDevice {
  std::string driver;
  MacAddress mac;
  std::uint16_t mtu = 0;
  QueuePlan plan;
};

// Queues, MTU, RSS and offloads as far as the device has them; a lack is logged in one line that
// begins with `label`. Never asks for VLAN stripping: the pipeline wants tags in the frame.
Result<StartedDevice> start_device(std::uint16_t id, const std::string& label,
                                   const DeviceSetup& setup);

void close_device(std::uint16_t id);

}  // namespace lb
