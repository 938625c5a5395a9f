#include "dataplane/lcore/host_interface.h"

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
  log::info("{}: the kernel's own stack on {} is set to ignore what comes in", label, interface);
}

}  // namespace lb
