// Ports, VLANs, their addresses, routes.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include "config/validate.h"
#include "config/validate_internal.h"

namespace lb::config {
namespace {

constexpr std::size_t kMaxInterfaceName = 15;  // IFNAMSIZ with its final zero is 16

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
}

// "0000:00:05.0" of "00:05.0"; empty when it is no PCI address.
std::string pci_address(std::string_view device) {
  std::string full(device);
  if (full.size() == 7) full = "0000:" + full;
  if (full.size() != 12 || full[4] != ':' || full[7] != ':' || full[10] != '.') return {};
  for (const auto& [at, length] : {std::pair{0, 4}, {5, 2}, {8, 2}}) {
    if (!is_hex(std::string_view(full).substr(static_cast<std::size_t>(at),
                                              static_cast<std::size_t>(length)))) {
      return {};
    }
  }
  if (full[11] < '0' || full[11] > '7') return {};
  std::transform(full.begin(), full.end(), full.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return full;
}

// What distinguishes two devices for DPDK: the PCI address or the vdev's name, without arguments.
// Empty: neither.
std::string device_identity(std::string_view device) {
  const std::string_view name = device.substr(0, device.find(','));
  if (std::string pci = pci_address(name); !pci.empty()) return pci;
  const bool vdev = !name.empty() && name[0] >= 'a' && name[0] <= 'z' && made_of(name, "_") &&
                    name.find('_') != std::string_view::npos;
  return vdev ? std::string(name) : std::string();
}

// Value of an argument: "iface" of "net_af_packet0,iface=eth1" is "eth1".
std::string_view device_argument(std::string_view device, std::string_view key) {
  while (true) {
    const std::size_t comma = device.find(',');
    if (comma == std::string_view::npos) return {};
    device.remove_prefix(comma + 1);
    if (device.starts_with(key) && device.substr(key.size()).starts_with('=')) {
      const std::string_view value = device.substr(key.size() + 1);
      return value.substr(0, value.find(','));
    }
  }
}

// What a kind of device can do at most; for other kinds the hardware alone knows it.
struct MtuLimit {
  std::string_view driver;
  std::uint16_t mtu;
};
constexpr std::string_view kAfPacket = "net_af_packet";
constexpr MtuLimit kAfXdp = {"net_af_xdp", 2790};
constexpr std::array kMtuLimits = {MtuLimit{"net_tap", 1504}, kAfXdp};
// All ports share their packet buffers, and each of AF_XDP's lies in one page with what DPDK and the
// kernel need there.
constexpr std::uint16_t kBesideAfXdp = 3046;
// The ring of a net_af_packet device: its arguments' defaults, and what the kernel wants of them.
constexpr std::uint32_t kFrameSize = 2048;  // framesz, bytes
constexpr std::uint32_t kBlockSize = 4096;  // blocksz, bytes
constexpr std::uint32_t kFrameCount = 512;  // framecnt
constexpr std::uint32_t kFrameAlignment = 16;
constexpr std::uint32_t kPageSize = 4096;
constexpr std::uint32_t kBesideMtu = 96;  // headers of the ring and of Ethernet
constexpr std::uint32_t kMaxFrameSize = 16'384;
// Beside a net_af_xdp device; see kBesideAfXdp.
constexpr std::uint32_t kMaxFrameSizeBesideAfXdp = 3072;

class NetworkValidator {
 public:
  NetworkValidator(const Config& config, std::vector<Problem>& problems)
      : config_(config), network_(config), problems_(problems) {}

  void run() {
    if (config_.ports.empty()) {
      report("port", "there is no port; add a [[port]] with name, device and addresses",
             ProblemKind::kSpoilsNetwork);
    }
    if (config_.ports.size() > kMaxPorts) {
      report(fmt::format("port[{}]", kMaxPorts),
             fmt::format("more than {} ports; leave some out", kMaxPorts));
    }
    for (std::size_t i = 0; i < config_.ports.size(); ++i) {
      check_device(i);
      check_frames(i);
    }
    check_vlan_ids();
    for (const Interface& interface : network_.interfaces()) {
      check_name(interface);
      check_addresses(interface);
    }
    for (std::size_t i = 0; i < config_.routes.size(); ++i) check_route(i);
  }

 private:
  void report(std::string path, std::string message, ProblemKind kind = ProblemKind::kOther) {
    problems_.push_back({std::move(path), std::move(message), kind});
  }

  void check_device(std::size_t index) {
    const std::string& device = config_.ports[index].device;
    const std::string path = fmt::format("port[{}].device", index);
    const std::string identity = device_identity(device);
    if (identity.empty() || !printable(device)) {
      report(path,
             fmt::format("\"{}\" is neither a PCI address, as \"0000:00:05.0\", nor a virtual "
                         "device, as \"net_af_packet0,iface=eth1\"",
                         device));
      return;
    }
    const auto [first, is_new] = devices_.emplace(identity, index);
    if (!is_new) {
      report(path, fmt::format("port \"{}\" has the device {} already; give each port its own "
                               "(virtual devices are told apart by the number in their name)",
                               config_.ports[first->second].name, identity));
    }
    const std::string_view iface = device_argument(device, "iface");
    if (!iface.empty() && network_.find(iface) != nullptr) {
      report(path, fmt::format("{} is the name of a port too, whose kernel interface could not be "
                               "made then; give the port another name",
                               iface));
    }
  }

  void check_frames(std::size_t index) {
    const Port& port = config_.ports[index];
    check_mtu(port, fmt::format("port[{}].mtu", index));
    if (!port.device.starts_with(kAfPacket)) return;
    if (auto why = ring_error(port); !why.empty()) {
      report(fmt::format("port[{}].device", index), std::move(why));
    }
  }

  // The value of a ring's argument; 0: not a number.
  static std::uint32_t ring_argument(const Port& port, std::string_view key,
                                     std::uint32_t otherwise) {
    const std::string_view text = device_argument(port.device, key);
    if (text.empty()) return otherwise;
    std::uint32_t value = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, value);
    return error == std::errc() && end == last ? value : 0;
  }

  // Why the driver or the kernel would refuse the ring; empty: they take it.
  std::string ring_error(const Port& port) const {
    const std::uint32_t frame = ring_argument(port, "framesz", kFrameSize);
    const std::uint32_t block = ring_argument(port, "blocksz", kBlockSize);
    const std::uint32_t count = ring_argument(port, "framecnt", kFrameCount);
    if (frame == 0 || block == 0 || count == 0) {
      return "framesz, blocksz and framecnt are numbers from 1";
    }
    const bool beside_af_xdp = std::ranges::any_of(
        config_.ports, [](const Port& each) { return each.device.starts_with(kAfXdp.driver); });
    const std::uint32_t most = beside_af_xdp ? kMaxFrameSizeBesideAfXdp : kMaxFrameSize;
    const std::uint32_t least =
        (port.mtu + kBesideMtu + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment;
    if (least > most) {
      if (port.mtu > kBesideAfXdp) return {};  // check_mtu() says so
      return fmt::format("beside net_af_xdp devices the port takes an mtu of {} at most; lower mtu",
                         most - kBesideMtu);
    }
    if (frame < least || frame > most || frame % kFrameAlignment != 0) {
      return fmt::format(
          "framesz={} is not possible; it is a multiple of {} from {}, for this mtu, to {}{}",
          frame, kFrameAlignment, least, most, beside_af_xdp ? ", beside net_af_xdp devices" : "");
    }
    // The driver takes slots for contiguous, the kernel leaves a gap at the end of a block.
    if (block % frame != 0 || block % kPageSize != 0) {
      return fmt::format("blocksz={} is not possible; it is a multiple of {} and of framesz={}",
                         block, kPageSize, frame);
    }
    if (const std::uint32_t in_block = block / frame; count % in_block != 0) {
      return fmt::format(
          "framecnt={} is not possible; it is a multiple of {}, the frames of {} "
          "bytes in a block of {}",
          count, in_block, frame, block);
    }
    return {};
  }

  void check_mtu(const Port& port, std::string path) {
    for (const MtuLimit& limit : kMtuLimits) {
      if (!port.device.starts_with(limit.driver) || port.mtu <= limit.mtu) continue;
      return report(std::move(path),
                    fmt::format("{} devices take {} at most; lower mtu, or give the port a NIC of "
                                "its own by its PCI address",
                                limit.driver, limit.mtu));
    }
    if (port.mtu <= kBesideAfXdp) return;
    for (const Port& other : config_.ports) {
      if (!other.device.starts_with(kAfXdp.driver)) continue;
      return report(std::move(path),
                    fmt::format("beside the {} device of port \"{}\" all ports take {} at most, "
                                "because they share packet buffers; lower mtu",
                                kAfXdp.driver, other.name, kBesideAfXdp));
    }
  }

  void check_vlan_ids() {
    for (std::size_t p = 0; p < config_.ports.size(); ++p) {
      std::set<std::uint16_t> ids;
      const std::vector<Vlan>& vlans = config_.ports[p].vlans;
      for (std::size_t v = 0; v < vlans.size(); ++v) {
        if (ids.insert(vlans[v].id).second) continue;
        report(fmt::format("port[{}].vlan[{}].id", p, v),
               fmt::format("duplicate VLAN {} on port \"{}\"; keep one and give it all addresses",
                           vlans[v].id, config_.ports[p].name));
      }
    }
  }

  void check_name(const Interface& interface) {
    const std::string& name = interface.name;
    const std::string path = interface.path + ".name";
    if (name.size() > kMaxInterfaceName) {
      report(path, fmt::format("\"{}\" is too long for an interface; use {} characters at most",
                               name, kMaxInterfaceName));
    } else if (!made_of(name, "-_.") || name == "." || name == "..") {
      report(path,
             fmt::format("\"{}\" is not a valid name for an interface; use letters, digits, \"-\", "
                         "\"_\" and \".\"",
                         name));
    } else if (name == "lo" || name == "all" || name == "default") {
      report(path, fmt::format("\"{}\" is taken by the kernel; choose another name", name));
    }
    if (!names_.insert(name).second) {
      report(path, fmt::format("another port or VLAN is called \"{}\" already; choose another name",
                               name));
    }
  }

  void check_addresses(const Interface& interface) {
    for (std::size_t i = 0; i < interface.addresses.size(); ++i) {
      const Prefix& prefix = interface.addresses[i];
      const std::string path = fmt::format("{}.addresses[{}]", interface.path, i);
      const std::string text = prefix.to_string();
      if (const auto why = unusable(prefix.address); !why.empty()) {
        report(path, fmt::format("{} is {}; write an address of the director", text, why),
               ProblemKind::kSpoilsNetwork);
      } else if (prefix.length == 0) {
        report(path, fmt::format("{} has no subnet; write the length of the subnet", text),
               ProblemKind::kSpoilsNetwork);
      } else if (const auto what = reserved_in(prefix, prefix.address); !what.empty()) {
        report(path,
               fmt::format("{} is {} of its subnet; write the director's own address", text, what),
               ProblemKind::kSpoilsNetwork);
      }
      check_overlap(interface, prefix, path);
      subnets_.push_back({&interface, prefix});
    }
  }

  void check_overlap(const Interface& interface, const Prefix& prefix, const std::string& path) {
    for (const auto& [other, subnet] : subnets_) {
      if (prefix.address == subnet.address) {
        report(path,
               fmt::format("{} is on \"{}\" already; keep one", prefix.address.to_string(),
                           other->name),
               ProblemKind::kSpoilsNetwork);
        return;
      }
      const bool overlap = prefix.contains(subnet.network()) || subnet.contains(prefix.network());
      if (other != &interface && overlap) {
        report(path,
               fmt::format("{} overlaps {} of \"{}\"; two interfaces cannot share a subnet",
                           prefix.to_string(), subnet.to_string(), other->name),
               ProblemKind::kSpoilsNetwork);
        return;
      }
    }
  }

  void check_route(std::size_t index) {
    const Route& route = config_.routes[index];
    const std::string path = fmt::format("route[{}]", index);
    const std::string via = route.via.to_string();
    const auto link = network_.on_link(route.via);
    if (const auto why = unusable(route.via); !why.empty()) {
      report(path + ".via", fmt::format("{} is {}; write the gateway's address", via, why));
    } else if (!link) {
      report(path + ".via",
             fmt::format("{} is in no port's subnet{}; a gateway must be on one of them: {}", via,
                         swapped_octets(network_, route.via), network_.subnets_text()),
             ProblemKind::kFollowsNetwork);
    } else if (network_.is_own(route.via)) {
      report(path + ".via",
             fmt::format("{} is the director's own address; write the gateway's", via),
             ProblemKind::kFollowsNetwork);
    } else if (const HaOwner* const ha = network_.ha_owner(route.via)) {
      report(path + ".via", fmt::format("{} is an address of instance \"{}\", which the director "
                                        "owns as master; write the gateway's",
                                        via, ha->instance));
    } else if (const auto what = reserved_in(link->subnet, route.via); !what.empty()) {
      report(path + ".via", fmt::format("{} is {} of its subnet; write the gateway's", via, what),
             ProblemKind::kFollowsNetwork);
    }
    if (route.mac && !is_host_mac(*route.mac)) {
      report(path + ".mac",
             fmt::format("{} is no MAC address of a single host; write the gateway's",
                         route.mac->to_string()));
    }
    const auto [first, is_new] = destinations_.emplace(route.destination.to_string(), index);
    if (!is_new) {
      report(path + ".destination",
             fmt::format("there is a route to {} already, via {}; keep one",
                         route.destination.length == 0 ? "default" : first->first,
                         config_.routes[first->second].via.to_string()));
    }
  }

  const Config& config_;
  const Network network_;
  std::vector<Problem>& problems_;
  std::map<std::string, std::size_t> devices_;
  std::set<std::string> names_;
  std::vector<std::pair<const Interface*, Prefix>> subnets_;
  std::map<std::string, std::size_t> destinations_;
};

}  // namespace

void validate_network(const Config& config, std::vector<Problem>& problems) {
  NetworkValidator(config, problems).run();
}

}  // namespace lb::config
