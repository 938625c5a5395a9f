#include "config/base/interface_query.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace lb {
namespace {

ifreq request_for(const std::string& interface) {
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  return request;
}

bool has_running_flag(int fd, const std::string& interface) {
  ifreq request = request_for(interface);
  return ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_RUNNING) != 0;
}

}  // namespace

// Kept open, so that a process that has run out of descriptors can still ask.
InterfaceQuery::InterfaceQuery() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}

InterfaceQuery::~InterfaceQuery() {
  if (fd_ >= 0) close(fd_);
}

bool InterfaceQuery::has_carrier(const std::string& interface) const {
  ethtool_value value{};
  value.cmd = ETHTOOL_GLINK;
  ifreq request = request_for(interface);
  request.ifr_data = reinterpret_cast<char*>(&value);
  if (ioctl(fd_, SIOCETHTOOL, &request) == 0) return value.data != 0;
  return errno == EOPNOTSUPP && has_running_flag(fd_, interface);
}

std::optional<std::string> InterfaceQuery::name_of(unsigned index) const {
  ifreq request{};
  request.ifr_ifindex = static_cast<int>(index);
  if (ioctl(fd_, SIOCGIFNAME, &request) == 0) {
    return std::string(request.ifr_name, strnlen(request.ifr_name, IFNAMSIZ));
  }
  if (errno == ENODEV) return std::string();
  return std::nullopt;
}

}  // namespace lb
