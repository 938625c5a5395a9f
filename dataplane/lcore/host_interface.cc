#include "dataplane/lcore/host_interface.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "config/base/interface_query.h"
#include "config/base/log.h"
#include "config/base/net.h"
#include "dataplane/lcore/host_notes.h"

namespace lb {

namespace {

constexpr const char* kMtu = "mtu";
constexpr const char* kPromiscuous = "promiscuous";
constexpr const char* kMac = "mac";
constexpr const char* kIpv6Off = "ipv6/disable_ipv6";

// What keep_stack_off() sets, as FAMILY/NAME.
constexpr std::array<std::pair<const char*, const char*>, 4> kStackOff = {{
    {"ipv4/rp_filter", "1"},
    {"ipv4/arp_ignore", "8"},
    {"ipv4/forwarding", "0"},
    {kIpv6Off, "1"},
}};

std::string sysctl_path(const std::string& interface, const std::string& key) {
  const std::size_t slash = key.find('/');
  return "/proc/sys/net/" + key.substr(0, slash) + "/conf/" + interface + key.substr(slash);
}

// Answers of the socket layer about an interface, as text.
class Device {
 public:
  explicit Device(const std::string& interface)
      : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    std::strncpy(request_.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  }
  ~Device() {
    if (fd_ >= 0) close(fd_);
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  std::optional<std::string> read(const std::string& key) {
    if (key == kMtu) {
      if (ioctl(fd_, SIOCGIFMTU, &request_) != 0) return std::nullopt;
      return std::to_string(request_.ifr_mtu);
    }
    if (key == kMac) {
      if (ioctl(fd_, SIOCGIFHWADDR, &request_) != 0) return std::nullopt;
      MacAddress mac;
      std::memcpy(mac.bytes.data(), request_.ifr_hwaddr.sa_data, mac.bytes.size());
      return mac.to_string();
    }
    if (ioctl(fd_, SIOCGIFFLAGS, &request_) != 0) return std::nullopt;
    return (request_.ifr_flags & IFF_PROMISC) != 0 ? "1" : "0";
  }

  bool write(const std::string& key, const std::string& value) {
    if (key == kMtu) {
      request_.ifr_mtu = std::atoi(value.c_str());
      return ioctl(fd_, SIOCSIFMTU, &request_) == 0;
    }
    if (ioctl(fd_, SIOCGIFFLAGS, &request_) != 0) return false;
    const int others = request_.ifr_flags & ~IFF_PROMISC;
    request_.ifr_flags = static_cast<short>(value == "1" ? others | IFF_PROMISC : others);
    return ioctl(fd_, SIOCSIFFLAGS, &request_) == 0;
  }

 private:
  ifreq request_{};
  const int fd_;
};

bool is_sysctl(const std::string& key) {
  return key.find('/') != std::string::npos;
}

std::optional<std::string> read_setting(const std::string& interface, const std::string& key) {
  if (!is_sysctl(key)) return Device(interface).read(key);
  std::ifstream file(sysctl_path(interface, key));
  std::string value;
  if (!(file >> value)) return std::nullopt;
  return value;
}

bool write_setting(const std::string& interface, const std::string& key, const std::string& value) {
  if (!is_sysctl(key)) return Device(interface).write(key, value);
  std::ofstream file(sysctl_path(interface, key));
  file << value << std::flush;
  return file.good();
}

// Its own IPv6 addresses, which go when IPv6 is switched off: "HEX/LENGTH". Those by
// autoconfiguration come back with it.
std::vector<std::string> addresses_of(unsigned index) {
  constexpr unsigned kLinkLocal = 0x20;
  std::vector<std::string> found;
  std::ifstream file("/proc/net/if_inet6");
  std::string address, name;
  unsigned of = 0, length = 0, scope = 0, flags = 0;
  while (file >> address >> std::hex >> of >> length >> scope >> flags >> name) {
    if (of != index || scope == kLinkLocal || (flags & IFA_F_PERMANENT) == 0) continue;
    found.push_back(address + '/' + std::to_string(length));
  }
  return found;
}

bool add_address(unsigned index, const std::string& text) {
  in6_ifreq request{};
  request.ifr6_ifindex = static_cast<int>(index);
  for (std::size_t i = 0; i < sizeof request.ifr6_addr; ++i) {
    request.ifr6_addr.s6_addr[i] =
        static_cast<std::uint8_t>(std::strtoul(text.substr(2 * i, 2).c_str(), nullptr, 16));
  }
  request.ifr6_prefixlen =
      static_cast<std::uint32_t>(std::strtoul(text.c_str() + text.find('/') + 1, nullptr, 10));
  const int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool added = ioctl(fd, SIOCSIFADDR, &request) == 0 || errno == EEXIST;
  const int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  return added;
}

// Puts notes back. What is left afterwards is to be tried again.
class Restorer {
 public:
  std::vector<HostNote> left;

  void restore(const HostNote& note) {
    const auto name = query_.name_of(note.index);
    if (!name) return keep(note, note.interface);
    if (name->empty()) return;
    const auto mac = read_setting(*name, kMac);
    if (!mac) return keep(note, *name);
    // It may have been renamed, or given another MAC; when both differ it is another one.
    if (*name != note.interface && *mac != note.mac) {
      log::info("interface {}: is not the {} whose {} was noted", *name, note.interface, note.key);
      return;
    }
    if (note.key == kHostAddress6) return restore_address(note, *name);
    const auto now = read_setting(*name, note.key);
    if (!now) return keep(note, *name);
    if (*now != note.ours) {
      // Whoever has changed it since wants it so.
      if (note.key == kIpv6Off) ipv6_of_others_.insert(note.index);
    } else if (!write_setting(*name, note.key, note.before)) {
      keep(note, *name);
    }
  }

 private:
  // They went when we switched IPv6 off. Who has switched it on since has the addresses that he
  // wants.
  void restore_address(const HostNote& note, const std::string& name) {
    if (ipv6_of_others_.contains(note.index)) return;
    if (!add_address(note.index, note.before)) keep(note, name);
  }

  void keep(const HostNote& note, const std::string& name) {
    log::warning("interface {}: {} cannot be set back to {}: {}", name, note.key, note.before,
                 std::strerror(errno));
    left.push_back(note);
  }

  const InterfaceQuery query_;
  std::set<unsigned> ipv6_of_others_;
};

}  // namespace

// By rtnetlink, as the file in /sys is root's alone.
bool set_carrier(const std::string& tap, bool carrier) {
  struct {
    nlmsghdr header;
    ifinfomsg link;
    rtattr attribute;
    std::array<std::uint8_t, RTA_ALIGN(1)> value;
  } request{};
  static_assert(sizeof request == 40);  // no gaps
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_NEWLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.link.ifi_index = static_cast<int>(if_nametoindex(tap.c_str()));
  request.attribute.rta_len = RTA_LENGTH(1);
  request.attribute.rta_type = IFLA_CARRIER;
  request.value[0] = carrier ? 1 : 0;
  if (request.link.ifi_index == 0) return false;
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  const timeval limit{.tv_sec = 1, .tv_usec = 0};  // the kernel answers at once
  struct {
    nlmsghdr header;
    nlmsgerr error;
  } answer{};
  const bool answered =
      fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
      send(fd, &request, sizeof request, 0) == static_cast<ssize_t>(sizeof request) &&
      recv(fd, &answer, sizeof answer, MSG_TRUNC) >= static_cast<ssize_t>(sizeof answer);
  if (fd >= 0) close(fd);
  return answered && answer.header.nlmsg_type == NLMSG_ERROR && answer.error.error == 0;
}

HostInterfaces::~HostInterfaces() {
  if (changed_) restore_host_interfaces(run_dir_);
}

Result<void> HostInterfaces::remember(const std::string& interface, std::uint16_t mtu,
                                      bool with_stack) {
  const unsigned index = if_nametoindex(interface.c_str());
  if (index == 0 && errno == ENODEV) return {};
  const auto unreadable = [&interface](const std::string& what) {
    return fail(fmt::format("{} of interface {} cannot be read: {}", what, interface,
                            std::strerror(errno)));
  };
  if (index == 0) return unreadable("the index");
  const auto mac = read_setting(interface, kMac);
  if (!mac) return unreadable(kMac);
  auto notes = read_host_notes(run_dir_);
  if (!notes) return tl::make_unexpected(notes.error());
  std::vector<std::pair<std::string, std::string>> ours = {{kMtu, std::to_string(mtu)},
                                                           {kPromiscuous, "1"}};
  if (with_stack) ours.insert(ours.end(), kStackOff.begin(), kStackOff.end());
  for (const auto& [key, value] : ours) {
    const auto before = read_setting(interface, key);
    if (!before && is_sysctl(key) && errno == ENOENT) continue;  // a kernel without IPv6
    if (!before) return unreadable(key);
    // What is so already may still be noted by a process before, whose restoring failed.
    if (*before == value) continue;
    std::erase_if(*notes, [index, &key = key](const HostNote& each) {
      return each.index == index && each.key == key;
    });
    notes->push_back({index, interface, *mac, key, *before, value});
  }
  if (with_stack) {
    for (const std::string& address : addresses_of(index)) {
      notes->push_back({index, interface, *mac, kHostAddress6, address, "-"});
    }
  }
  changed_ = true;
  return notes->empty() ? Result<void>{} : write_host_notes(run_dir_, *notes);
}

void restore_host_interfaces(const std::string& run_dir) {
  const auto notes = read_host_notes(run_dir);
  if (!notes) return log::warning("{}", notes.error().message);
  if (notes->empty()) return;
  Restorer restorer;
  for (const HostNote& note : *notes) restorer.restore(note);
  if (auto written = write_host_notes(run_dir, restorer.left); !written) {
    log::warning("{}", written.error().message);
  } else if (restorer.left.empty()) {
    log::info("the interfaces of the host have their settings back");
  } else {
    log::warning("{} settings of the host's interfaces are left for the next start",
                 restorer.left.size());
  }
}

Result<void> set_host_mtu(const std::string& interface, std::uint16_t mtu) {
  if (write_setting(interface, kMtu, std::to_string(mtu))) return {};
  return fail(
      fmt::format("interface {} does not accept MTU {}: {}", interface, mtu, std::strerror(errno)));
}

void keep_stack_off(const std::string& interface, const std::string& label) {
  for (const auto& [key, value] : kStackOff) {
    const auto present = read_setting(interface, key);
    if (present == value || write_setting(interface, key, value)) continue;
    if (!present && std::string_view(key).starts_with("ipv6/")) continue;  // a kernel without it
    log::warning(
        "{}: {} cannot be set to {}, so the kernel may answer on {} too; set it before the start",
        label, sysctl_path(interface, key), value, interface);
    return;
  }
  const auto all = read_setting("all", "ipv4/rp_filter");
  if (all != "0" && all != "1") {
    log::warning(
        "{}: net.ipv4.conf.all.rp_filter = {} overrides that of {}, so the kernel answers "
        "there too; set it to 0 or 1, or use net_af_xdp",
        label, all.value_or("unknown"), interface);
    return;
  }
  log::info("{}: the kernel's own stack on {} is set to ignore incoming packets", label, interface);
}

}  // namespace lb
