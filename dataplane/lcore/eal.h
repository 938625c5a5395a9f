// DPDK's environment layer: memory and pinned threads. Once per process, main thread only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/base/result.h"

namespace lb {

struct EalOptions {
  std::uint32_t main_cpu = 0;
  // One worker each; the same CPU may appear here and as main_cpu. Worker w runs on lcore w + 1.
  std::vector<std::uint32_t> worker_cpus;
  bool hugepages = true;
  std::uint32_t memory_mb = 1024;
  std::string run_dir;               // distinguishes this process's DPDK files
  std::string drivers;               // library or folder with further drivers; empty: none
  std::vector<std::string> devices;  // of the ports, to know the PCI addresses among them
};

// "0000:03:00.0" or "03:00.0", perhaps with ",key=value" behind it; otherwise it is a vdev.
bool is_pci_device(const std::string& device);

// The command line for rte_eal_init().
std::vector<std::string> eal_arguments(const EalOptions& options);

// Pins the calling thread to main_cpu and starts the worker threads, idle. All signals are blocked
// in the workers and in DPDK's own threads. DPDK's log is quiet: see dpdk_log.h.
Result<void> start_eal(const EalOptions& options);

// After the ports are closed and the workers are done.
void stop_eal();

// Hugepage memory that is free now on the machine, MB; for the error message and tests.
// `sysfs` is "/sys/kernel/mm/hugepages".
std::uint64_t free_hugepages_mb(const std::string& sysfs);

}  // namespace lb
