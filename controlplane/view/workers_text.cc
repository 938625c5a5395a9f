// `show port`, `show lcore`, `show drops`, `show punt`.
#include <fmt/format.h>

#include "controlplane/view/as_text.h"
#include "controlplane/view/table.h"
#include "controlplane/view/workers_fields.h"

namespace lb::view {

std::string link_cell(const PortRow& row) {
  if (row.restart_needed) return "gone";
  if (!row.link_up) return "down";
  return row.link_mbps == 0 ? "up" : fmt::format("{}Mbit/s", row.link_mbps);
}

std::string queues_cell(const PortRow& row) {
  return fmt::format("{}/{}", row.rx_queues, row.tx_queues);
}

std::string as_text(const Ports& answer) {
  std::string devices;
  for (const PortRow& port : answer.ports) {
    devices += fmt::format(
        "{}: {}, driver {}, MAC {}{}\n", port.name, port.device, port.driver, port.mac,
        port.restart_needed ? "; its interface is gone: restart lb-dataplane when it is back" : "");
  }
  return table_text(answer.ports) + devices;
}

std::string as_text(const Workers& answer) {
  return table_text(answer.workers);
}

std::string as_text(const Punts& answer) {
  return table_text(answer.punts);
}

std::string as_text(const Drops& answer) {
  std::vector<DropRow> rows = answer.drops;
  rows.push_back({.reason = "total", .packets = answer.total_packets, .description = {}});
  return table_text(rows);
}

}  // namespace lb::view
