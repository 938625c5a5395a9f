// `show stats --rate` and `show lcore --rate`.
#include <fmt/format.h>

#include "controlplane/view/as_text.h"
#include "controlplane/view/format.h"
#include "controlplane/view/rates_fields.h"
#include "controlplane/view/table.h"

namespace lb::view {

std::string as_text(const Rates& sample) {
  std::string out =
      fmt::format("{:.1f} s: connections {}, created {:.0f}/s, expired {:.0f}/s, shed {:.0f}/s\n",
                  sample.seconds, sample.connections, sample.connections_created,
                  sample.connections_expired, sample.connections_shed);
  out += table_text(sample.lcores) + table_text(sample.ports);
  Tree<TrafficRate> tree("Prot LocalAddress:Port", "  -> RemoteAddress:Port");
  for (const ServiceRate& service : sample.services) {
    tree.row(fmt::format("{:<4} {} {}", protocol_heading(service.protocol),
                         service_address_text(service.addresses), service.name),
             service.traffic);
    for (const RealServerRate& server : service.real_servers) {
      tree.row("  -> " + join_endpoint(server.address, server.port), server.traffic);
    }
  }
  out += tree.text();
  for (const DropRate& drop : sample.drops) {
    if (drop.packets > 0) out += fmt::format("dropped {:.1f}/s: {}\n", drop.packets, drop.reason);
  }
  return out;
}

std::string as_text(const WorkerRates& sample) {
  return table_text(sample.lcores);
}

}  // namespace lb::view
