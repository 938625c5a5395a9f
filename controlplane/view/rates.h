// `show stats --rate` and `show lcore --rate`: what happened between two readings of the counters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lb::api {
class Stats;
}

namespace lb::view {

// All per second, but for what says otherwise.
struct TrafficRate {
  double connections = 0;
  double packets_in = 0;
  double packets_out = 0;
  double bits_in = 0;
  double bits_out = 0;
};

struct RealServerRate {
  std::string address;
  std::uint32_t port = 0;
  TrafficRate traffic;
};

struct ServiceRate {
  std::string name;
  std::string_view protocol;
  std::string address;  // the first, by which the service is known
  std::uint32_t port = 0;
  std::vector<std::string> addresses;
  TrafficRate traffic;
  std::vector<RealServerRate> real_servers;
};

struct WorkerRate {
  std::uint32_t worker = 0;
  std::uint32_t cpu = 0;
  double busy_percent = 0;
  double packets = 0;
  double bits = 0;
  double forwarded = 0;
  double punted = 0;
  double dropped = 0;
  std::optional<double> packets_per_burst;  // none: no packets
  std::optional<double> cycles_per_packet;  // none: no packets
};

struct PortRate {
  std::string name;
  double rx_packets = 0;
  double rx_bits = 0;
  double tx_packets = 0;
  double tx_bits = 0;
  double rx_missed = 0;
};

struct DropRate {
  std::string reason;
  double packets = 0;
};

// `show stats --rate`
struct Rates {
  double seconds = 0;  // between the two readings, by the data plane's clock
  std::uint64_t connections = 0;
  double connections_created = 0;
  double connections_expired = 0;
  double connections_shed = 0;
  std::vector<WorkerRate> lcores;
  std::vector<PortRate> ports;
  std::vector<ServiceRate> services;
  std::vector<DropRate> drops;  // of all reasons
};

// What `before` does not have counts from 0. Nothing when `now` is not later or comes from a data
// plane that was started in between.
std::optional<Rates> rates_between(const api::Stats& before, const api::Stats& now);

// Of the workers alone: `show lcore --rate`.
struct WorkerRates {
  double seconds = 0;
  std::vector<WorkerRate> lcores;
};

WorkerRates worker_rates_of(const Rates& rates);

}  // namespace lb::view
