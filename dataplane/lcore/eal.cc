#include "dataplane/lcore/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_version.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "config/base/blocked_signals.h"
#include "config/base/log.h"
#include "dataplane/lcore/dpdk_log.h"

namespace lb {

namespace {

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Pattern: 'h' a hexadecimal digit, anything else itself.
bool matches(std::string_view text, std::string_view pattern) {
  return text.size() == pattern.size() &&
         std::equal(text.begin(), text.end(), pattern.begin(),
                    [](char c, char p) { return p == 'h' ? is_hex(c) : c == p; });
}

std::string file_prefix(const std::string& run_dir) {
  std::string prefix = "ballast";
  for (const char c : run_dir) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    prefix += plain ? c : '_';
  }
  return prefix;
}

Result<void> check_hugepages(std::uint32_t wanted_mb) {
  const std::uint64_t free_mb = free_hugepages_mb("/sys/kernel/mm/hugepages");
  if (free_mb >= wanted_mb) return {};
  return fail(fmt::format(
      "memory_mb = {} needs that much hugepage memory, {} MB is free; reserve it with 'sysctl "
      "vm.nr_hugepages={}' (pages of 2 MB), or set memory = \"no-huge\" in [dataplane]",
      wanted_mb, free_mb, (wanted_mb + 1) / 2));
}

}  // namespace

std::uint64_t free_hugepages_mb(const std::string& sysfs) {
  constexpr std::string_view kPrefix = "hugepages-";
  std::uint64_t free_kb = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(sysfs, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    std::uint64_t page_kb = 0;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), page_kb);
    std::uint64_t pages = 0;
    std::ifstream(entry.path() / "free_hugepages") >> pages;
    free_kb += page_kb * pages;
  }
  return free_kb / 1024;
}

bool is_pci_device(const std::string& device) {
  const std::string_view address = std::string_view(device).substr(0, device.find(','));
  return matches(address, "hhhh:hh:hh.h") || matches(address, "hh:hh.h");
}

std::vector<std::string> eal_arguments(const EalOptions& options) {
  std::string lcores = fmt::format("0@{}", options.main_cpu);
  for (std::size_t w = 0; w < options.worker_cpus.size(); ++w) {
    lcores += fmt::format(",{}@{}", w + 1, options.worker_cpus[w]);
  }
  std::vector<std::string> arguments = {"lb-dataplane",
                                        "--lcores",
                                        lcores,
                                        "--main-lcore",
                                        "0",
                                        "--file-prefix",
                                        file_prefix(options.run_dir),
                                        "--no-telemetry",
                                        "-m",
                                        fmt::format("{}", options.memory_mb)};
  // No file outlives a killed process, so that the next one starts as if it were the first.
  // --in-memory means that, but does not go together with --no-huge.
  if (options.hugepages) {
    arguments.emplace_back("--in-memory");
  } else {
    arguments.insert(arguments.end(), {"--no-huge", "--no-shconf"});
  }
  if (!options.drivers.empty()) arguments.insert(arguments.end(), {"-d", options.drivers});
  bool pci = false;
  for (const auto& device : options.devices) {
    if (!is_pci_device(device)) continue;
    pci = true;
    arguments.insert(arguments.end(), {"--allow", device});
  }
  if (!pci) arguments.emplace_back("--no-pci");
  return arguments;
}

Result<void> start_eal(const EalOptions& options) {
  if (options.hugepages) {
    if (auto enough = check_hugepages(options.memory_mb); !enough) return enough;
  }
  dpdk_log::take_over();

  std::vector<std::string> arguments = eal_arguments(options);
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());

  int status = 0;
  {
    const BlockedSignals blocked;  // in the threads that it starts
    status = rte_eal_init(static_cast<int>(argv.size()), argv.data());
  }
  if (status < 0) {
    const std::string said = dpdk_log::last_line();
    return fail("DPDK did not start: " + (said.empty() ? rte_strerror(rte_errno) : said));
  }
  dpdk_log::take_over_bpf();
  log::info("{} started, main on CPU {}, {} worker{}, {} MB of {}", rte_version(), options.main_cpu,
            options.worker_cpus.size(), options.worker_cpus.size() == 1 ? "" : "s",
            options.memory_mb, options.hugepages ? "hugepages" : "ordinary pages");
  return {};
}

void stop_eal() {
  const std::filesystem::path files = rte_eal_get_runtime_dir();
  rte_eal_cleanup();
  std::error_code ignored;
  std::filesystem::remove(files, ignored);  // an empty folder that DPDK makes and leaves
}

}  // namespace lb
