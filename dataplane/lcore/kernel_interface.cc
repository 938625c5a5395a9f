#include "dataplane/lcore/kernel_interface.h"

#include <fcntl.h>
#include <net/if.h>
#include <rte_ethdev.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

namespace lb {

namespace {

constexpr const char* kTun = "/dev/net/tun";
// The driver takes 4 more, for a VLAN tag. The control plane knows this limit too: kMaxKernelMtu in
// config/model.h.
constexpr std::uint16_t kMaxMtu = 1500;

// The interface of a killed process is taken away by the kernel a moment after the process.
bool wait_until_gone(const std::string& name) {
  using namespace std::chrono_literals;
  for (int i = 0; i < 20; ++i) {
    if (if_nametoindex(name.c_str()) == 0) return true;
    std::this_thread::sleep_for(100ms);
  }
  return false;
}

// What to do about a TAP that could not be made; empty when the cause is none of the usual ones.
std::string remedy() {
  const int fd = ::open(kTun, O_RDWR | O_CLOEXEC);
  const int error = fd < 0 ? errno : 0;
  if (fd >= 0) ::close(fd);
  if (error == ENOENT || error == ENODEV) return "; there is no /dev/net/tun: modprobe tun";
  if (error == EACCES || error == EPERM) {
    return "; /dev/net/tun may not be opened: run as root or with CAP_NET_ADMIN";
  }
  if (::geteuid() != 0) return "; CAP_NET_ADMIN is needed";
  return {};
}

}  // namespace

Result<KernelInterface> make_kernel_interface(const std::string& name, const MacAddress& mac,
                                              std::size_t index, DeviceSetup setup) {
  setup.mtu = std::min(setup.mtu, kMaxMtu);
  if (!wait_until_gone(name)) {
    return fail("there is an interface " + name +
                " already; rename it, or the port, or stop the program that made it");
  }
  const auto device = open_device("net_tap_kernel" + std::to_string(index) + ",iface=" + name +
                                  ",mac=" + mac.to_string());
  if (!device) return fail(device.error().message + remedy());
  auto started = start_device(*device, "kernel interface " + name, setup);
  if (!started) {
    close_device(*device);
    return fail(started.error().message + remedy());
  }
  rte_eth_dev_set_link_up(*device);
  return KernelInterface{*device, std::move(*started)};
}

}  // namespace lb
