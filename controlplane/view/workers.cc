#include "controlplane/view/workers.h"

#include "controlplane/view/format.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb::view {
namespace {

std::optional<double> ratio(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

Ports ports_of(const api::Stats& stats) {
  Ports out;
  for (const api::PortStats& port : stats.ports()) {
    out.ports.push_back({.name = port.name(),
                         .device = port.device(),
                         .driver = port.driver(),
                         .mac = mac_text(port.mac()),
                         .link_up = port.link_up(),
                         .restart_needed = port.restart_needed(),
                         .link_mbps = port.link_mbps(),
                         .mtu_bytes = port.mtu(),
                         .rx_queues = port.rx_queues(),
                         .tx_queues = port.tx_queues(),
                         .rx_packets = port.rx_packets(),
                         .rx_bytes = port.rx_bytes(),
                         .tx_packets = port.tx_packets(),
                         .tx_bytes = port.tx_bytes(),
                         .rx_missed_packets = port.rx_missed(),
                         .rx_errors = port.rx_errors(),
                         .tx_errors = port.tx_errors(),
                         .kernel_rx_packets = port.kernel_rx_packets(),
                         .kernel_tx_packets = port.kernel_tx_packets()});
  }
  return out;
}

Workers workers_of(const api::Stats& stats) {
  Workers out{.tsc_hz = stats.tsc_hz(), .workers = {}};
  for (const api::LcoreStats& lcore : stats.lcores()) {
    out.workers.push_back(
        {.worker = lcore.lcore(),
         .cpu = lcore.cpu(),
         .busy_percent = 100 * ratio(lcore.busy_cycles(), lcore.total_cycles()).value_or(0),
         .polls = lcore.polls(),
         .bursts = lcore.bursts(),
         .packets = lcore.packets(),
         .bytes = lcore.bytes(),
         .forwarded_packets = lcore.forwarded(),
         .punted_packets = lcore.punted(),
         .dropped_packets = lcore.dropped(),
         .busy_cycles = lcore.busy_cycles(),
         .total_cycles = lcore.total_cycles(),
         .packets_per_burst = ratio(lcore.packets(), lcore.bursts()),
         .cycles_per_packet = ratio(lcore.busy_cycles(), lcore.packets())});
  }
  return out;
}

Drops drops_of(const api::Stats& stats) {
  Drops out;
  for (const api::DropStats& drop : stats.drops()) {
    out.drops.push_back(
        {.reason = drop.reason(), .packets = drop.packets(), .description = drop.description()});
    out.total_packets += drop.packets();
  }
  return out;
}

Punts punts_of(const api::Stats& stats) {
  Punts out;
  for (const api::PuntStats& punt : stats.punts()) {
    out.punts.push_back({.port = punt.port(),
                         .kind = punt.kind(),
                         .passed_packets = punt.passed(),
                         .dropped_packets = punt.dropped(),
                         .description = punt.description()});
  }
  return out;
}

}  // namespace lb::view
