#include "config/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "config/cpu_list.h"
#include "config/validate_internal.h"

namespace lb::config {
namespace {

constexpr std::size_t kMaxUserBytes = 32;

// sun_path of unix(7) without its final zero, less the longest socket name with its slash.
constexpr std::size_t kMaxRunDirBytes = 107 - std::string_view("/controlplane-read.sock").size();

// PATH_MAX less room for the names of the files in it.
constexpr std::size_t kMaxStateDirBytes = 3840;

// What the data plane needs: about 110 bytes per connection with its index, and packet buffers.
constexpr std::uint64_t kBytesPerConnection = 110;
constexpr std::uint64_t kPoolsMb = 64;
constexpr std::uint64_t kMb = 1 << 20;

constexpr std::string_view kLoopback = "a loopback address";

}  // namespace

static std::string_view unusable_ipv6(std::span<const std::uint8_t> bytes) {
  const bool all_zero = std::all_of(bytes.begin(), bytes.end() - 1, [](auto b) { return b == 0; });
  if (all_zero && bytes.back() == 0) return "no address of a host";
  if (all_zero && bytes.back() == 1) return kLoopback;
  if (bytes[0] == 0xff) return "a multicast address";
  if (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) {
    return "a link-local address, which needs an interface";
  }
  return {};
}

std::string_view unusable(const Address& address) {
  const auto ipv4 = address.to_ipv4();
  if (!ipv4) return unusable_ipv6(address.bytes());
  const std::uint32_t a = ipv4->host();
  if (a == 0) return "no address of a host";
  if (a >> 24 == 0) return "in 0.0.0.0/8, which no host can have";
  if (a >> 24 == 127) return kLoopback;
  if (a >> 28 == 0xe) return "a multicast address";
  if (a >> 28 == 0xf) return "in the reserved range from 240.0.0.0 on";
  return {};
}

bool is_host_mac(const MacAddress& mac) {
  return (mac.bytes[0] & 1) == 0 && mac != MacAddress{};
}

bool is_loopback(const Address& address) {
  return unusable(address) == kLoopback;
}

std::string_view reserved_in(const Prefix& subnet, const Address& address) {
  // RFC 3021, RFC 6164: both addresses of a /31 or /127 are hosts'.
  if (subnet.length + 1u >= address.bits()) return {};
  const bool ipv4 = address.is_ipv4();
  if (address == subnet.network()) {
    return ipv4 ? "the network address" : "the anycast address of the routers";  // RFC 4291 2.6.1
  }
  if (ipv4 && address == subnet.last()) return "the broadcast address";
  return {};
}

std::string swapped_octets(const Network& network, const Address& address) {
  const auto ipv4 = address.to_ipv4();
  if (!ipv4) return {};
  const std::uint32_t a = ipv4->host();
  for (unsigned i = 0; i < 4; ++i) {
    for (unsigned j = i + 1; j < 4; ++j) {
      const std::uint32_t difference = (a >> 8 * i ^ a >> 8 * j) & 0xff;
      const Address swapped =
          Ipv4Address::from_host(a ^ (difference << 8 * i) ^ (difference << 8 * j));
      const auto link = network.on_link(swapped);
      if (swapped != address && link && reserved_in(link->subnet, swapped).empty() &&
          link->subnet.length > 0) {
        return fmt::format(" (did you mean {}?)", swapped.to_string());
      }
    }
  }
  return {};
}

bool made_of(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [others](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

bool good_run_dir(std::string_view path) {
  return path.starts_with('/') && printable(path) && path.size() <= kMaxRunDirBytes;
}

bool user_name(std::string_view text) {
  return made_of(text, "-_.") && text.size() <= kMaxUserBytes;
}

// Who may use the sockets, and the audit log.
static void validate_access(const Director& director, const Machine& machine,
                            std::vector<Problem>& problems) {
  const auto check = [&](const char* key, const std::string& group) {
    const std::string path = fmt::format("director.{}", key);
    if (!user_name(group)) {
      problems.push_back(
          {path, fmt::format("{} must be the name of a group, as \"ballast\"", key)});
    } else if (!group.empty() && machine.has_group != nullptr && !machine.has_group(group)) {
      problems.push_back({path, fmt::format("there is no group {} on this machine; make it with "
                                            "groupadd --system {}",
                                            group, group)});
    }
  };
  check("admin_group", director.admin_group);
  check("read_group", director.read_group);
  if (!director.read_group.empty() && director.read_group == director.admin_group) {
    problems.push_back(
        {"director.read_group",
         "read_group is the admin_group, whose members may read anyway; name another "
         "group, or remove this line"});
  }
  if (!printable(director.audit_file) || director.audit_file.ends_with('/')) {
    problems.push_back({"director.audit_file",
                        "audit_file must be a file's path without blanks, as "
                        "\"/var/log/ballast/audit.log\""});
  }
}

void validate_director(const Director& director, const Machine& machine,
                       std::vector<Problem>& problems) {
  if (!made_of(director.name, "-_.") || director.name.size() > kMaxNameBytes) {
    problems.push_back({"director.name",
                        fmt::format("name must be made of letters, digits, \"-\", \"_\" and \".\", "
                                    "{} at most",
                                    kMaxNameBytes)});
  }
  if (!director.run_dir.starts_with('/') || !printable(director.run_dir)) {
    problems.push_back({"director.run_dir",
                        "run_dir must be an absolute path without blanks, as \"/run/ballast\""});
  } else if (director.run_dir.size() > kMaxRunDirBytes) {
    problems.push_back({"director.run_dir",
                        fmt::format("run_dir is too long for the sockets in it; use {} characters "
                                    "at most",
                                    kMaxRunDirBytes)});
  }
  // Folders below it are created and cleaned: "/" must not be.
  if (director.state_dir.find_first_not_of('/') == std::string::npos ||
      !printable(director.state_dir)) {
    problems.push_back({"director.state_dir",
                        "state_dir must be a folder of its own, without blanks, as "
                        "\"/var/lib/ballast\""});
  } else if (director.state_dir.size() > kMaxStateDirBytes) {
    problems.push_back(
        {"director.state_dir", fmt::format("state_dir is too long; use {} characters "
                                           "at most",
                                           kMaxStateDirBytes)});
  }
  validate_access(director, machine, problems);
}

void validate_dataplane(const Dataplane& dataplane, const Machine& machine,
                        std::vector<Problem>& problems) {
  const auto exists = [&machine](std::uint32_t cpu) {
    return machine.cpus.empty() ||
           std::find(machine.cpus.begin(), machine.cpus.end(), cpu) != machine.cpus.end();
  };
  const auto check = [&](const char* path, std::uint32_t cpu) {
    if (exists(cpu)) return;
    problems.push_back({path, fmt::format("this machine has no CPU {}; its CPUs are {}", cpu,
                                          print_cpu_list(machine.cpus))});
  };
  check("dataplane.main_lcore", dataplane.main_lcore);
  for (const std::uint32_t cpu : dataplane.lcores) check("dataplane.lcores", cpu);

  const std::uint64_t connections_mb =
      (dataplane.max_connections * kBytesPerConnection + kMb - 1) / kMb;
  if (dataplane.memory_mb < kPoolsMb + connections_mb) {
    const std::uint64_t room = std::max<std::uint64_t>(dataplane.memory_mb, kPoolsMb) - kPoolsMb;
    std::string remedy = fmt::format("write memory_mb = {}", kPoolsMb + connections_mb);
    if (room > 0) {
      remedy += fmt::format(", or max_connections = {} at most", room * kMb / kBytesPerConnection);
    }
    problems.push_back({"dataplane.memory_mb|dataplane.max_connections",
                        fmt::format("memory_mb = {} is too small for max_connections = {}; {}",
                                    dataplane.memory_mb, dataplane.max_connections, remedy)});
  }
}

std::vector<Problem> validate(const Config& config, const Machine& machine) {
  std::vector<Problem> problems;
  validate_director(config.director, machine, problems);
  validate_dataplane(config.dataplane, machine, problems);
  validate_families(config, problems);
  validate_network(config, problems);
  validate_addresses(config, problems);
  validate_services(config, problems);
  validate_groups(config, problems);
  validate_one_packet(config, problems);
  validate_syn_proxy(config, problems);
  validate_ha(config, problems);
  validate_alert(config.alert, problems);
  return problems;
}

}  // namespace lb::config
