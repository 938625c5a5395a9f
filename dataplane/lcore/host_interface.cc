#include "dataplane/lcore/host_interface.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "config/base/interface_query.h"
#include "config/base/log.h"
#include "config/base/read_file.h"

namespace lb {

namespace {

constexpr std::size_t kMaxNotesBytes = std::size_t{1} << 20;
constexpr const char* kMtu = "mtu";
constexpr const char* kPromiscuous = "promiscuous";
constexpr const char* kAddress = "address6";

// What keep_stack_off() sets, as FAMILY/NAME.
constexpr std::array<std::pair<const char*, const char*>, 4> kStackOff = {{
    {"ipv4/rp_filter", "1"},
    {"ipv4/arp_ignore", "8"},
    {"ipv4/forwarding", "0"},
    {"ipv6/disable_ipv6", "1"},
}};

// A line of the file. It names the interface by its index: one that is made anew is another one.
struct Note {
  unsigned index = 0;
  std::string key;
  std::string before;
  std::string ours;
};

std::string notes_file(const std::string& run_dir) {
  return run_dir + "/host-interfaces";
}

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
  ~Device() { close(fd_); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  std::optional<std::string> read(const std::string& key) {
    if (key == kMtu) {
      if (ioctl(fd_, SIOCGIFMTU, &request_) != 0) return std::nullopt;
      return std::to_string(request_.ifr_mtu);
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
  close(fd);
  return added;
}

bool restore(const Note& note, const std::string& interface) {
  if (note.key == kAddress) return add_address(note.index, note.before);
  // Whoever has changed it since wants it so.
  if (read_setting(interface, note.key) != note.ours) return true;
  return write_setting(interface, note.key, note.before);
}

Result<void> replace_file(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  const bool written = fd >= 0 &&
                       write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (written && rename(fresh.c_str(), path.c_str()) == 0) return {};
  return fail(fmt::format("{} cannot be written, in which the settings of interfaces are kept: {}",
                          path, std::strerror(written ? errno : error)));
}

}  // namespace

bool set_carrier(const std::string& tap, bool carrier) {
  std::ofstream file("/sys/class/net/" + tap + "/carrier");
  file << (carrier ? 1 : 0) << std::flush;
  return file.good();
}

HostInterfaces::~HostInterfaces() {
  if (!notes_.empty()) restore_host_interfaces(run_dir_);
}

Result<void> HostInterfaces::remember(const std::string& interface, std::uint16_t mtu,
                                      bool with_stack) {
  const unsigned index = if_nametoindex(interface.c_str());
  if (index == 0) return {};
  std::string notes;
  const auto note = [&](const std::string& key, const std::string& ours) {
    const auto before = read_setting(interface, key);
    if (!before || *before == ours) return;
    notes += fmt::format("{} {} {} {}\n", index, key, *before, ours);
  };
  note(kMtu, std::to_string(mtu));
  note(kPromiscuous, "1");
  if (with_stack) {
    for (const auto& [key, ours] : kStackOff) note(key, ours);
    for (const std::string& address : addresses_of(index)) {
      notes += fmt::format("{} {} {} -\n", index, kAddress, address);
    }
  }
  if (notes.empty()) return {};
  notes_ += notes;
  return replace_file(notes_file(run_dir_), notes_);
}

void restore_host_interfaces(const std::string& run_dir) {
  const std::string path = notes_file(run_dir);
  const auto text = read_regular_file(path, kMaxNotesBytes);
  if (!text) return;
  const InterfaceQuery query;
  std::istringstream lines(*text);
  for (Note note; lines >> note.index >> note.key >> note.before >> note.ours;) {
    const std::string interface = query.name_of(note.index);
    if (interface.empty() || restore(note, interface)) continue;
    log::warning("interface {}: {} cannot be set back to {}: {}", interface, note.key, note.before,
                 std::strerror(errno));
  }
  unlink(path.c_str());
  log::info("the interfaces of the host have their settings back");
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
