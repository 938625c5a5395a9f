#include "controlplane/netlink/carrier.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace lb::netlink {

bool has_carrier(const std::string& interface) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;
  ethtool_value value{};
  value.cmd = ETHTOOL_GLINK;
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  const bool known = ioctl(fd, SIOCETHTOOL, &request) == 0;
  close(fd);
  return !known || value.data != 0;
}

}  // namespace lb::netlink
