#include <fmt/format.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <utility>

#include "config/base/read_file.h"
#include "config/check_types.h"
#include "controlplane/health/dialogue.h"
#include "controlplane/health/tls_context.h"
#include "controlplane/host/files.h"
#include "controlplane/host/host.h"
#include "controlplane/os/learnt_files.h"
#include "controlplane/os/secret_file.h"
#include "controlplane/sync/credentials.h"

namespace lb::controlplane::host {
namespace {

Result<void> load_ca(const std::string& path) {
  if (auto made = health::make_client_context(true, path); !made) {
    return tl::make_unexpected(made.error());
  }
  return {};
}

Result<void> load_password(const std::string& path) {
  if (auto read = health::read_password(path); !read) return tl::make_unexpected(read.error());
  return {};
}

Result<void> load_page(const std::string& path) {
  if (auto read = read_regular_file(path, kMaxLearntBytes); !read) {
    return tl::make_unexpected(read.error());
  }
  return {};
}

Result<void> load_secret(const std::string& path) {
  if (auto read = read_secret(path); !read) return tl::make_unexpected(read.error());
  return {};
}

// Bytes of all hugepages, free or not: a data plane that runs has its share of them.
std::uint64_t hugepage_bytes() {
  std::uint64_t bytes = 0;
  std::error_code error;
  constexpr const char* kFolder = "/sys/kernel/mm/hugepages";
  for (const auto& size : std::filesystem::directory_iterator(kFolder, error)) {
    const std::string name = size.path().filename();
    std::uint64_t kb = 0;
    std::uint64_t pages = 0;
    if (std::sscanf(name.c_str(), "hugepages-%lukB", &kb) != 1) continue;
    if (std::ifstream(size.path() / "nr_hugepages") >> pages) bytes += pages * kb << 10;
  }
  return bytes;
}

// "0000:03:00.0" of a port's device; empty: it is a virtual one.
std::string pci_address(const std::string& device) {
  std::string name = device.substr(0, device.find(','));
  if (name.empty() || name.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos) {
    return {};
  }
  if (name.find(':') == name.rfind(':')) name.insert(0, "0000:");
  return name;
}

class Search {
 public:
  explicit Search(const config::Config& config) : config_(config) {}

  std::vector<config::Problem> run() {
    director();
    dataplane();
    for (std::size_t i = 0; i < config_.ports.size(); ++i) {
      device(config_.ports[i].device, fmt::format("port[{}].device", i));
    }
    for (std::size_t i = 0; i < config_.services.size(); ++i) {
      service(config_.services[i], fmt::format("service[{}]", i));
    }
    ha();
    alert();
    return std::move(problems_);
  }

 private:
  void report(const std::string& path, const std::string& key, const std::string& what) {
    if (!what.empty()) problems_.push_back({path, key + ": " + what});
  }

  void file(const std::string& table, const std::string& key, const std::string& path,
            const std::string& kind, Result<void> (*load)(const std::string&)) {
    if (!path.empty()) report(table + '.' + key, key, files_.file(path, kind, load));
  }

  void user(const std::string& table, const std::string& key, const std::string& name) {
    if (!name.empty()) report(table + '.' + key, key, files_.user(name));
  }

  // `named`: the user of the key that names it, which is reported at that key.
  void program(const std::string& table, const std::string& key,
               const std::vector<std::string>& command, const std::string& named) {
    if (command.empty() || command[0].empty()) return;
    const std::string user = config::script_user(named);
    std::string wrong = named.empty() ? files_.user(user) : std::string();
    if (!wrong.empty()) wrong += ", or name another one";
    report(table + '.' + key, key, wrong.empty() ? files_.program(command[0], user) : wrong);
  }

  void director() {
    const config::Director& director = config_.director;
    report("director.run_dir", "run_dir", files_.folder(director.run_dir));
    report("director.state_dir", "state_dir", files_.folder(director.state_dir));
    if (director.audit_file.empty()) return;
    report("director.audit_file", "audit_file", files_.writable_file(director.audit_file));
  }

  void dataplane() {
    const config::Dataplane& dataplane = config_.dataplane;
    if (!dataplane.drivers.empty()) {
      report("dataplane.drivers", "drivers", files_.library(dataplane.drivers));
    }
    if (dataplane.memory != config::Memory::kHugepages) return;
    const std::uint64_t have = hugepage_bytes() >> 20;
    if (have >= dataplane.memory_mb) return;
    report("dataplane.memory_mb|dataplane.memory|dataplane", "memory",
           fmt::format("this machine has {} MB of hugepages and memory_mb = {}; sysctl "
                       "vm.nr_hugepages={}, or write memory = \"no-huge\"",
                       have, dataplane.memory_mb, (dataplane.memory_mb + 1) / 2));
  }

  void device(const std::string& device, const std::string& path) {
    constexpr std::string_view kInterface = ",iface=";
    if (const std::string pci = pci_address(device); !pci.empty()) {
      if (std::filesystem::exists("/sys/bus/pci/devices/" + pci)) return;
      report(path, "device",
             fmt::format("there is no PCI device {} on this machine; dpdk-devbind.py --status "
                         "lists them",
                         pci));
      return;
    }
    // Of other drivers it is the interface that they make, or a socket.
    if (!device.starts_with("net_af_packet") && !device.starts_with("net_af_xdp")) return;
    if (const auto at = device.find(kInterface); at != std::string::npos) {
      const std::size_t start = at + kInterface.size();
      const std::string name = device.substr(start, device.find(',', start) - start);
      if (::if_nametoindex(name.c_str()) != 0) return;
      report(path, "device",
             fmt::format("there is no interface {} on this machine; ip link lists them", name));
    }
  }

  void check(const config::Check& check, const std::string& table) {
    if (config::speaks_tls(check) && check.tls_verify) {
      file(table, "tls_ca_file", check.tls_ca_file, "CA file", load_ca);
    }
    file(table, "password_file", check.password_file, "file with the password", load_password);
    user(table, "user", check.user);
    program(table, "command", check.command, check.user);
  }

  void service(const config::Service& service, const std::string& table) {
    user(table, "quorum_user", service.quorum_user);
    program(table, "quorum_up", service.quorum_up, service.quorum_user);
    program(table, "quorum_down", service.quorum_down, service.quorum_user);
    file(table, "sorry_page", service.sorry_page, "sorry page", load_page);
    check(service.check, table + ".check");
    for (std::size_t i = 0; i < service.real_servers.size(); ++i) {
      const config::RealServer& server = service.real_servers[i];
      if (server.check) check(*server.check, fmt::format("{}.real_server[{}].check", table, i));
    }
  }

  void ha() {
    const config::Ha& ha = config_.ha;
    user("ha", "notify_user", ha.notify_user);
    program("ha", "notify", ha.notify, ha.notify_user);
    for (std::size_t i = 0; i < ha.scripts.size(); ++i) {
      const std::string table = fmt::format("ha.script[{}]", i);
      user(table, "user", ha.scripts[i].user);
      program(table, "command", ha.scripts[i].command, ha.scripts[i].user);
    }
    for (std::size_t i = 0; i < ha.resources.size(); ++i) {
      const config::HaResource& resource = ha.resources[i];
      const std::string table = fmt::format("ha.resource[{}]", i);
      user(table, "user", resource.user);
      if (!resource.unit.empty()) program(table, "unit", {"systemctl"}, resource.user);
      program(table, "start", resource.start, resource.user);
      program(table, "stop", resource.stop, resource.user);
      program(table, "monitor", resource.monitor, resource.user);
    }
    if (ha.sync) sync(*ha.sync);
  }

  // First each file alone, then all as they belong together.
  void sync(const config::HaSync& sync) {
    const auto any = [](const std::string&) { return Result<void>(); };
    const std::size_t before = problems_.size();
    file("ha.sync", "key_file", sync.key_file, "key", load_secret);
    file("ha.sync", "certificate_file", sync.certificate_file, "certificate", any);
    file("ha.sync", "private_key_file", sync.private_key_file, "private key", load_secret);
    file("ha.sync", "ca_file", sync.ca_file, "CA file", any);
    if (problems_.size() != before) return;
    const bool whole =
        !sync.key_file.empty() ||
        !(sync.certificate_file.empty() || sync.private_key_file.empty() || sync.ca_file.empty());
    if (!whole) return;  // validation says what is missing
    const auto loaded = sync::Credentials::load(sync);
    if (loaded) return;
    const std::string& why = loaded.error().message;
    const std::pair<const char*, const std::string*> keys[] = {
        {"key_file", &sync.key_file},
        {"private_key_file", &sync.private_key_file},
        {"certificate_file", &sync.certificate_file},
        {"ca_file", &sync.ca_file}};
    for (const auto& [key, path] : keys) {
      if (path->empty() || !why.starts_with(*path + ':')) continue;
      return report(fmt::format("ha.sync.{}", key), key, why);
    }
    report("ha.sync", "sync", why);
  }

  void alert() {
    const config::Alert& alert = config_.alert;
    user("alert", "script_user", alert.script_user);
    program("alert", "script", alert.script, alert.script_user);
    if (!alert.mail) return;
    const config::AlertMail& mail = *alert.mail;
    if (mail.tls_verify) {
      file("alert.mail", "tls_ca_file", mail.tls_ca_file, "CA file", load_ca);
    }
    file("alert.mail", "password_file", mail.password_file, "file with the password", load_secret);
  }

  const config::Config& config_;
  Files files_;
  std::vector<config::Problem> problems_;
};

}  // namespace

std::vector<config::Problem> missing(const config::Config& config) {
  return Search(config).run();
}

config::Machine machine() {
  config::Machine machine = config::Machine::here();
  machine.missing = missing;
  return machine;
}

}  // namespace lb::controlplane::host
