// The data plane's own parts: ports, workers, reasons of drops, packets for the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lb::api {
class Stats;
}

namespace lb::view {

struct PortRow {
  std::string name;
  std::string device;
  std::string driver;
  std::string mac;
  bool link_up = false;
  bool restart_needed = false;
  std::uint32_t link_mbps = 0;  // 0: not known
  std::uint32_t mtu_bytes = 0;
  std::uint32_t rx_queues = 0;
  std::uint32_t tx_queues = 0;
  std::uint64_t rx_packets = 0;
  std::uint64_t rx_bytes = 0;
  std::uint64_t tx_packets = 0;
  std::uint64_t tx_bytes = 0;
  std::uint64_t rx_missed_packets = 0;
  std::uint64_t rx_errors = 0;
  std::uint64_t tx_errors = 0;
  std::uint64_t kernel_rx_packets = 0;
  std::uint64_t kernel_tx_packets = 0;
};

// `show port`
struct Ports {
  std::vector<PortRow> ports;
};

struct WorkerRow {
  std::uint32_t worker = 0;
  std::uint32_t cpu = 0;
  double busy_percent = 0;
  std::uint64_t polls = 0;
  std::uint64_t bursts = 0;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t forwarded_packets = 0;
  std::uint64_t punted_packets = 0;
  std::uint64_t dropped_packets = 0;
  std::uint64_t busy_cycles = 0;
  std::uint64_t total_cycles = 0;
  std::optional<double> packets_per_burst;  // none: no packets
  std::optional<double> cycles_per_packet;  // none: no packets
};

// `show lcore`
struct Workers {
  std::uint64_t tsc_hz = 0;
  std::vector<WorkerRow> workers;
};

struct DropRow {
  std::string reason;
  std::uint64_t packets = 0;
  std::string description;
};

// `show drops`
struct Drops {
  std::uint64_t total_packets = 0;
  std::vector<DropRow> drops;  // every reason, also those at 0
};

struct PuntRow {
  std::string port;
  std::string kind;
  std::uint64_t passed_packets = 0;
  std::uint64_t dropped_packets = 0;
  std::string description;
};

// `show punt`
struct Punts {
  std::vector<PuntRow> punts;  // every class of every port, also those at 0
};

Ports ports_of(const api::Stats& stats);
Workers workers_of(const api::Stats& stats);
Drops drops_of(const api::Stats& stats);
Punts punts_of(const api::Stats& stats);

}  // namespace lb::view
