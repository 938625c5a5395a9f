// `show stats --rate` and `show lcore --rate`, as text and JSON.
#include <fmt/format.h>

#include "controlplane/cli/format.h"
#include "controlplane/cli/json.h"
#include "controlplane/cli/rates.h"

namespace lb::cli {
namespace {

using enum Columns::Align;

std::string whole(double value) {
  return fmt::format("{:.0f}", value);
}
std::string mbits(double bits) {
  return fmt::format("{:.2f}", bits / 1e6);
}

std::string lcores_text(const Rates& rates) {
  Columns columns({kLeft, kRight, kRight, kRight, kRight, kRight, kRight, kRight, kRight, kRight});
  columns.row({"Worker", "CPU", "Busy%", "Pkts/s", "Mbit/s", "Pkts/Burst", "Cycles/Pkt",
               "Forwarded/s", "Punted/s", "Dropped/s"});
  for (const LcoreRate& lcore : rates.lcores) {
    columns.row({std::to_string(lcore.worker), std::to_string(lcore.cpu),
                 fmt::format("{:.1f}", lcore.busy_percent), whole(lcore.packets), mbits(lcore.bits),
                 lcore.packets_per_burst ? fmt::format("{:.1f}", *lcore.packets_per_burst) : "-",
                 lcore.cycles_per_packet ? whole(*lcore.cycles_per_packet) : "-",
                 whole(lcore.forwarded), whole(lcore.punted), whole(lcore.dropped)});
  }
  return columns.text();
}

std::string ports_text(const Rates& rates) {
  Columns columns({kLeft, kRight, kRight, kRight, kRight, kRight});
  columns.row({"Port", "RxPkts/s", "RxMbit/s", "TxPkts/s", "TxMbit/s", "Missed/s"});
  for (const PortRate& port : rates.ports) {
    columns.row({port.name, whole(port.rx_packets), mbits(port.rx_bits), whole(port.tx_packets),
                 mbits(port.tx_bits), whole(port.rx_missed)});
  }
  return columns.text();
}

void add_traffic(Columns& columns, std::string name, const TrafficRate& traffic) {
  columns.row({std::move(name), whole(traffic.connections), whole(traffic.packets_in),
               whole(traffic.packets_out), mbits(traffic.bits_in), mbits(traffic.bits_out)});
}

std::string services_text(const Rates& rates) {
  Columns columns({kLeft, kRight, kRight, kRight, kRight, kRight});
  columns.row(
      {"Prot LocalAddress:Port", "Conns/s", "InPkts/s", "OutPkts/s", "InMbit/s", "OutMbit/s"});
  columns.row({"  -> RemoteAddress:Port"});
  for (const ServiceRate& service : rates.services) {
    add_traffic(columns,
                fmt::format("{:<4} {} {}", protocol_heading(service.protocol), service.endpoint,
                            service.name),
                service.traffic);
    for (const RealServerRate& server : service.real_servers) {
      add_traffic(columns, fmt::format("  -> {}", endpoint_text(server.address, server.port)),
                  server.traffic);
    }
  }
  return columns.text();
}

Json traffic_rate_json(const TrafficRate& traffic) {
  return {{"connections_per_s", traffic.connections},
          {"packets_in_per_s", traffic.packets_in},
          {"packets_out_per_s", traffic.packets_out},
          {"bits_in_per_s", traffic.bits_in},
          {"bits_out_per_s", traffic.bits_out}};
}

Json number_or_null(std::optional<double> value) {
  return value ? Json(*value) : Json(nullptr);
}

Json lcores_json(const Rates& rates) {
  Json lcores = Json::array();
  for (const LcoreRate& lcore : rates.lcores) {
    lcores.push_back({{"worker", lcore.worker},
                      {"cpu", lcore.cpu},
                      {"busy_percent", lcore.busy_percent},
                      {"packets_per_s", lcore.packets},
                      {"bits_per_s", lcore.bits},
                      {"forwarded_packets_per_s", lcore.forwarded},
                      {"punted_packets_per_s", lcore.punted},
                      {"dropped_packets_per_s", lcore.dropped},
                      {"packets_per_burst", number_or_null(lcore.packets_per_burst)},
                      {"cycles_per_packet", number_or_null(lcore.cycles_per_packet)}});
  }
  return lcores;
}

Json ports_json(const Rates& rates) {
  Json ports = Json::array();
  for (const PortRate& port : rates.ports) {
    ports.push_back({{"name", port.name},
                     {"rx_packets_per_s", port.rx_packets},
                     {"rx_bits_per_s", port.rx_bits},
                     {"tx_packets_per_s", port.tx_packets},
                     {"tx_bits_per_s", port.tx_bits},
                     {"rx_missed_packets_per_s", port.rx_missed}});
  }
  return ports;
}

Json services_json(const Rates& rates) {
  Json services = Json::array();
  for (const ServiceRate& service : rates.services) {
    Json servers = Json::array();
    for (const RealServerRate& server : service.real_servers) {
      Json json = {{"address", address_text(server.address)}, {"port", server.port}};
      json.update(traffic_rate_json(server.traffic));
      servers.push_back(std::move(json));
    }
    Json json = {{"name", service.name},
                 {"protocol", name_in(service.protocol)},
                 {"address", address_text(service.address)},
                 {"port", service.port}};
    json.update(traffic_rate_json(service.traffic));
    json["real_servers"] = std::move(servers);
    services.push_back(std::move(json));
  }
  return services;
}

}  // namespace

std::string rates_text(const Rates& rates) {
  std::string out =
      fmt::format("{:.1f} s: connections {}, created {:.0f}/s, expired {:.0f}/s, shed {:.0f}/s\n",
                  rates.seconds, rates.connections, rates.connections_created,
                  rates.connections_expired, rates.connections_shed);
  out += lcores_text(rates) + ports_text(rates) + services_text(rates);
  for (const DropRate& drop : rates.drops) {
    if (drop.packets > 0) out += fmt::format("dropped {:.1f}/s: {}\n", drop.packets, drop.reason);
  }
  return out;
}

std::string lcore_rates_text(const Rates& rates) {
  return lcores_text(rates);
}

std::string lcore_rates_json(const Rates& rates) {
  return print_line({{"interval_s", rates.seconds}, {"lcores", lcores_json(rates)}}) + '\n';
}

std::string rates_json(const Rates& rates) {
  Json drops = Json::array();
  for (const DropRate& drop : rates.drops) {
    drops.push_back({{"reason", drop.reason}, {"packets_per_s", drop.packets}});
  }
  return print_line({{"interval_s", rates.seconds},
                     {"connections", rates.connections},
                     {"connections_created_per_s", rates.connections_created},
                     {"connections_expired_per_s", rates.connections_expired},
                     {"connections_shed_per_s", rates.connections_shed},
                     {"lcores", lcores_json(rates)},
                     {"ports", ports_json(rates)},
                     {"services", services_json(rates)},
                     {"drops", std::move(drops)}}) +
         '\n';
}

}  // namespace lb::cli
