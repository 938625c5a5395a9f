#include "controlplane/netlink/sysctl.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace lb::netlink {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 4> kSettings = {{
    {"rp_filter", "2"},
    {"arp_ignore", "1"},
    {"arp_announce", "2"},
    {"arp_accept", "2"},
}};

}  // namespace

Result<void> prepare_interface(const std::string& interface) {
  for (const auto& [name, value] : kSettings) {
    const std::string path = "/proc/sys/net/ipv4/conf/" + interface + "/" + name;
    std::string present;
    std::ifstream(path) >> present;
    if (present == value) continue;
    errno = 0;
    std::ofstream file(path);
    file << value << std::flush;
    if (!file) return fail(path + ": cannot write " + value + ": " + std::strerror(errno));
  }
  return {};
}

}  // namespace lb::netlink
