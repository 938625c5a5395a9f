// Interfaces of the host below ports: what the data plane changes on them, and how they become again
// what they were. Main thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/base/result.h"

namespace lb {

// Sets or clears the carrier of our TAP, so that the kernel and its listeners know
// how the port fares. False: the kernel refused.
bool set_carrier(const std::string& tap, bool carrier);

// What the interfaces of AF_PACKET and AF_XDP ports were before: promiscuous flag, MTU, sysctls,
// IPv6 addresses. It is noted in RUN_DIR/host-interfaces before anything is changed, and restored
// by the destructor, or after a kill by restore_host_interfaces() of the next process. What could
// not be restored stays in the file for the process after that.
class HostInterfaces {
 public:
  explicit HostInterfaces(std::string run_dir) : run_dir_(std::move(run_dir)) {}
  ~HostInterfaces();
  HostInterfaces(const HostInterfaces&) = delete;
  HostInterfaces& operator=(const HostInterfaces&) = delete;

  // Before the port is opened, whose MTU is `mtu`. `with_stack`: keep_stack_off() follows. Fails
  // when a setting cannot be read, or the file not be written. An interface that does not exist is
  // none to remember.
  Result<void> remember(const std::string& interface, std::uint16_t mtu, bool with_stack);

 private:
  const std::string run_dir_;
  bool changed_ = false;
};

// Restores what is noted in the file and still as we set it, and removes the file. Notes of another
// boot or network namespace, and of an interface that is gone, or another one now, are dropped.
// Those that cannot be restored, or not be judged, stay in the file. Any thread.
void restore_host_interfaces(const std::string& run_dir);

// AF_PACKET ports only: DPDK's driver sets no MTU above 1500, although its ring may have room.
Result<void> set_host_mtu(const std::string& interface, std::uint16_t mtu);

// AF_PACKET ports only. The driver gets a copy of every frame; the kernel's own stack on that
// interface gets the frame as well, and would answer for the addresses on the port's kernel
// interface a second time. So that stack is set to accept nothing.
//
// Sets the interface's sysctls: strict reverse path filter (no route leads there), no answers to
// ARP, no forwarding, no IPv6. `label` begins the log line that says so, or says what could not be
// done.
void keep_stack_off(const std::string& interface, const std::string& label);

}  // namespace lb
