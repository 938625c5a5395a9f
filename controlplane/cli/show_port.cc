// `show port`, `show lcore`, `show drops`: the data plane's own parts.
#include <fmt/format.h>

#include "controlplane/cli/format.h"
#include "controlplane/cli/json.h"
#include "controlplane/cli/show.h"

namespace lb::cli {
namespace {

std::string link_text(const api::PortStats& port) {
  if (!port.link_up()) return "down";
  return port.link_mbps() == 0 ? "up" : fmt::format("{}Mbit/s", port.link_mbps());
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string ratio_text(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "-" : fmt::format("{:.0f}", share(part, whole));
}

Json ratio_json(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? Json(nullptr) : Json(share(part, whole));
}

}  // namespace

std::string port_text(const api::Stats& stats) {
  using enum Columns::Align;
  Columns columns({kLeft, kLeft, kRight, kRight, kRight, kRight, kRight, kRight, kRight, kRight,
                   kRight, kRight, kRight});
  columns.row({"Port", "Link", "MTU", "Queues", "RxPkts", "RxBytes", "TxPkts", "TxBytes", "Missed",
               "RxErr", "TxErr", "ToKernel", "FromKernel"});
  std::string devices;
  for (const api::PortStats& port : stats.ports()) {
    columns.row({port.name(), link_text(port), std::to_string(port.mtu()),
                 fmt::format("{}/{}", port.rx_queues(), port.tx_queues()),
                 std::to_string(port.rx_packets()), std::to_string(port.rx_bytes()),
                 std::to_string(port.tx_packets()), std::to_string(port.tx_bytes()),
                 std::to_string(port.rx_missed()), std::to_string(port.rx_errors()),
                 std::to_string(port.tx_errors()), std::to_string(port.kernel_rx_packets()),
                 std::to_string(port.kernel_tx_packets())});
    devices += fmt::format("{}: {}, driver {}, MAC {}\n", port.name(), port.device(), port.driver(),
                           mac_text(port.mac()));
  }
  return columns.text() + devices;
}

std::string port_json(const api::Stats& stats) {
  Json ports = Json::array();
  for (const api::PortStats& port : stats.ports()) {
    ports.push_back({{"name", port.name()},
                     {"device", port.device()},
                     {"driver", port.driver()},
                     {"mac", mac_text(port.mac())},
                     {"link_up", port.link_up()},
                     {"link_mbps", port.link_mbps()},
                     {"mtu_bytes", port.mtu()},
                     {"rx_queues", port.rx_queues()},
                     {"tx_queues", port.tx_queues()},
                     {"rx_packets", port.rx_packets()},
                     {"rx_bytes", port.rx_bytes()},
                     {"tx_packets", port.tx_packets()},
                     {"tx_bytes", port.tx_bytes()},
                     {"rx_missed_packets", port.rx_missed()},
                     {"rx_errors", port.rx_errors()},
                     {"tx_errors", port.tx_errors()},
                     {"kernel_rx_packets", port.kernel_rx_packets()},
                     {"kernel_tx_packets", port.kernel_tx_packets()}});
  }
  return print(Json::object({{"ports", std::move(ports)}}));
}

std::string lcore_text(const api::Stats& stats) {
  using enum Columns::Align;
  Columns columns({kRight, kRight, kRight, kRight, kRight, kRight, kRight, kRight, kRight, kRight});
  columns.row({"Worker", "CPU", "Busy%", "Packets", "Bytes", "Forwarded", "Punted", "Dropped",
               "Pkts/Burst", "Cycles/Pkt"});
  for (const api::LcoreStats& lcore : stats.lcores()) {
    columns.row(
        {std::to_string(lcore.lcore()), std::to_string(lcore.cpu()),
         fmt::format("{:.1f}", 100 * share(lcore.busy_cycles(), lcore.total_cycles())),
         std::to_string(lcore.packets()), std::to_string(lcore.bytes()),
         std::to_string(lcore.forwarded()), std::to_string(lcore.punted()),
         std::to_string(lcore.dropped()),
         lcore.bursts() == 0 ? "-" : fmt::format("{:.1f}", share(lcore.packets(), lcore.bursts())),
         ratio_text(lcore.busy_cycles(), lcore.packets())});
  }
  return columns.text();
}

std::string lcore_json(const api::Stats& stats) {
  Json lcores = Json::array();
  for (const api::LcoreStats& lcore : stats.lcores()) {
    lcores.push_back({{"worker", lcore.lcore()},
                      {"cpu", lcore.cpu()},
                      {"polls", lcore.polls()},
                      {"bursts", lcore.bursts()},
                      {"packets", lcore.packets()},
                      {"bytes", lcore.bytes()},
                      {"forwarded_packets", lcore.forwarded()},
                      {"punted_packets", lcore.punted()},
                      {"dropped_packets", lcore.dropped()},
                      {"busy_cycles", lcore.busy_cycles()},
                      {"total_cycles", lcore.total_cycles()},
                      {"busy_percent", 100 * share(lcore.busy_cycles(), lcore.total_cycles())},
                      {"packets_per_burst", ratio_json(lcore.packets(), lcore.bursts())},
                      {"cycles_per_packet", ratio_json(lcore.busy_cycles(), lcore.packets())}});
  }
  return print({{"tsc_hz", stats.tsc_hz()}, {"lcores", std::move(lcores)}});
}

std::string drops_text(const api::Stats& stats) {
  using enum Columns::Align;
  Columns columns({kLeft, kRight, kLeft});
  columns.row({"Reason", "Packets", "Meaning"});
  std::uint64_t total = 0;
  for (const api::DropStats& drop : stats.drops()) {
    columns.row({drop.reason(), std::to_string(drop.packets()), drop.description()});
    total += drop.packets();
  }
  columns.row({"total", std::to_string(total)});
  return columns.text();
}

std::string drops_json(const api::Stats& stats) {
  Json drops = Json::array();
  std::uint64_t total = 0;
  for (const api::DropStats& drop : stats.drops()) {
    drops.push_back({{"reason", drop.reason()},
                     {"packets", drop.packets()},
                     {"description", drop.description()}});
    total += drop.packets();
  }
  return print({{"total_packets", total}, {"drops", std::move(drops)}});
}

}  // namespace lb::cli
