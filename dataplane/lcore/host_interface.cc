#include "dataplane/lcore/host_interface.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "config/base/log.h"

namespace lb {

namespace {

bool write_sysctl(const std::string& path, int value) {
  std::ofstream file(path);
  file << value << std::flush;
  return file.good();
}

}  // namespace

bool is_running(const std::string& interface) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;
  // Its flags and netlink report a lost carrier up to a second later.
  ethtool_value value{};
  value.cmd = ETHTOOL_GLINK;
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  const bool known = ioctl(fd, SIOCETHTOOL, &request) == 0;
  close(fd);
  return !known || value.data != 0;
}

void set_carrier(const std::string& tap, bool carrier) {
  const std::string path = "/sys/class/net/" + tap + "/carrier";
  std::ofstream file(path);
  file << (carrier ? 1 : 0) << std::flush;
  if (!file.good()) {
    log::warning("{}: cannot be set, so the kernel does not know that the port's link is {}", path,
                 carrier ? "up" : "down");
  }
}

void keep_stack_off(const std::string& interface, const std::string& label) {
  const std::string v4 = "/proc/sys/net/ipv4/conf/" + interface;
  const std::string v6 = "/proc/sys/net/ipv6/conf/" + interface;
  const bool done = write_sysctl(v4 + "/rp_filter", 1) && write_sysctl(v4 + "/arp_ignore", 8) &&
                    write_sysctl(v4 + "/forwarding", 0);
  write_sysctl(v6 + "/disable_ipv6", 1);  // there may be no IPv6 at all
  if (!done) {
    log::warning(
        "{}: the sysctls of {} cannot be set, so the kernel may answer there too; set {}/"
        "{{rp_filter=1,arp_ignore=8,forwarding=0}}",
        label, interface, v4);
    return;
  }
  int all = 0;
  std::ifstream("/proc/sys/net/ipv4/conf/all/rp_filter") >> all;
  if (all == 2) {
    log::warning(
        "{}: net.ipv4.conf.all.rp_filter = 2 overrides that of {}, so the kernel answers "
        "there too; set it to 0 or 1, or use net_af_xdp",
        label, interface);
    return;
  }
  log::info("{}: the kernel's own stack on {} is set to ignore incoming packets", label, interface);
}

}  // namespace lb
