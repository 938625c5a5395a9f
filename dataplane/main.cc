// lb-dataplane: from the command line and the configuration file to a running data plane.

#include <getopt.h>

#include <csignal>
#include <iostream>
#include <string>

#include "config/base/log.h"
#include "config/base/stop_signals.h"
#include "config/load.h"
#include "dataplane/api/protobuf_log.h"
#include "dataplane/control/daemon.h"

namespace {

constexpr int kStartFailed = 1;
constexpr int kBadConfig = 2;
constexpr int kBadUsage = 2;

constexpr const char* kUsage =
    "usage: lb-dataplane --config FILE [--verbose]\n"
    "       lb-dataplane --version\n"
    "Forwards packets by the snapshots that lb-controlplane gives it. --verbose logs what DPDK "
    "says,\n"
    "too.\n";

// The data plane proper knows nothing of the configuration's types.
lb::DaemonOptions options_from(const lb::config::Config& config) {
  const auto& dataplane = config.dataplane;
  lb::DaemonOptions options;
  options.run_dir = config.director.run_dir;
  options.admin_group = config.director.admin_group;
  options.read_group = config.director.read_group;
  options.audit_file = config.director.audit_file;
  lb::RuntimeOptions& runtime = options.runtime;
  runtime.max_connections = dataplane.max_connections;
  runtime.max_persistence = dataplane.max_persistence;
  runtime.sleeps_when_idle = dataplane.idle == lb::config::Idle::kAdaptive;
  runtime.punt_limits = {dataplane.punt_limit_pps, dataplane.punt_limit_pps_per_source};
  runtime.sync = config.ha.sync.has_value();
  runtime.eal.main_cpu = dataplane.main_lcore;
  runtime.eal.worker_cpus = dataplane.lcores;
  runtime.eal.hugepages = dataplane.memory == lb::config::Memory::kHugepages;
  runtime.eal.memory_mb = dataplane.memory_mb;
  runtime.eal.drivers = dataplane.drivers;
  runtime.eal.run_dir = config.director.run_dir;
  for (const auto& port : config.ports) {
    runtime.ports.push_back({port.name, port.device, port.mtu});
    runtime.eal.devices.push_back(port.device);
  }
  return options;
}

int run(const std::string& file, bool verbose) {
  // The log's reader may go away.
  std::signal(SIGPIPE, SIG_IGN);
  lb::StopSignals stop;
  const auto loaded = lb::config::load_file(file, lb::config::Machine::here());
  if (!loaded.mistakes.empty()) {
    std::cerr << lb::config::format_mistakes(file, loaded.mistakes);
    return kBadConfig;
  }
  lb::api::silence_protobuf();
  lb::log::init("lb-dataplane", verbose ? lb::log::Level::kDebug : lb::log::Level::kInfo,
                lb::log::Delivery::kBackground);
  const auto done = lb::run_dataplane(options_from(loaded.config), stop);
  if (done) return 0;
  lb::log::error("{}", done.error().message);
  return kStartFailed;
}

}  // namespace

int main(int argc, char** argv) {
  std::string file;
  bool verbose = false;
  const option options[] = {{"config", required_argument, nullptr, 'c'},
                            {"verbose", no_argument, nullptr, 'v'},
                            {"version", no_argument, nullptr, 'V'},
                            {"help", no_argument, nullptr, 'h'},
                            {nullptr, 0, nullptr, 0}};
  for (int found = 0; (found = getopt_long(argc, argv, "c:h", options, nullptr)) != -1;) {
    switch (found) {
      case 'c':
        file = optarg;
        break;
      case 'v':
        verbose = true;
        break;
      case 'V':
        std::cout << "lb-dataplane " LB_RELEASE "\n";
        return 0;
      case 'h':
        std::cout << kUsage;
        return 0;
      default:
        return kBadUsage;  // getopt has said why
    }
  }
  if (file.empty() || optind != argc) {
    std::cerr << kUsage;
    return kBadUsage;
  }
  return run(file, verbose);
}
