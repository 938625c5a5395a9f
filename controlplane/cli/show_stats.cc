// `show stats`: counters since the data plane started, in the look of ipvsadm -Ln --stats.
#include <fmt/format.h>

#include "controlplane/cli/format.h"
#include "controlplane/cli/json.h"
#include "controlplane/cli/show.h"

namespace lb::cli {
namespace {

void add_traffic(Columns& columns, std::string name, const api::TrafficStats& traffic) {
  columns.row({std::move(name), std::to_string(traffic.connections()),
               std::to_string(traffic.packets_in()), std::to_string(traffic.packets_out()),
               std::to_string(traffic.bytes_in()), std::to_string(traffic.bytes_out()),
               std::to_string(traffic.syn_unanswered()), std::to_string(traffic.syn_refused())});
}

}  // namespace

std::string stats_text(const api::Stats& stats) {
  using enum Columns::Align;
  std::string out = fmt::format("Up {}, connections {} of {}: created {}, expired {}, shed {}\n",
                                age_text(stats.uptime_ms()), stats.connections(),
                                stats.max_connections(), stats.connections_created(),
                                stats.connections_expired(), stats.connections_shed());
  if (stats.max_persistence() != 0) {
    out += fmt::format("Persistence: {} of {} clients, forgotten for want of room {}\n",
                       stats.persistence_entries(), stats.max_persistence(),
                       stats.persistence_evicted());
  }
  Columns columns({kLeft, kRight, kRight, kRight, kRight, kRight, kRight, kRight});
  columns.row({"Prot LocalAddress:Port", "Conns", "InPkts", "OutPkts", "InBytes", "OutBytes",
               "SynUnansw", "SynRefused"});
  columns.row({"  -> RemoteAddress:Port"});
  for (const api::ServiceStats& service : stats.services()) {
    add_traffic(columns,
                fmt::format("{:<4} {} {}", protocol_heading(service.protocol()),
                            service_address_text(service), service.name()),
                service.traffic());
    for (const api::RealServerStats& server : service.real_servers()) {
      add_traffic(columns, fmt::format("  -> {}", endpoint_text(server.address(), server.port())),
                  server.traffic());
    }
  }
  return out + columns.text();
}

std::string stats_json(const api::Stats& stats) {
  Json services = Json::array();
  for (const api::ServiceStats& service : stats.services()) {
    Json servers = Json::array();
    for (const api::RealServerStats& server : service.real_servers()) {
      Json json = {{"address", address_text(server.address())}, {"port", server.port()}};
      json.update(traffic_json(server.traffic()));
      servers.push_back(std::move(json));
    }
    Json json = {{"name", service.name()},
                 {"protocol", name_in(service.protocol())},
                 {"address", address_text(first_address(service).address())},
                 {"port", first_address(service).first_port()},
                 {"addresses", addresses_json(service)}};
    json.update(traffic_json(service.traffic()));
    json["refused"] = refused_json(service);
    json["real_servers"] = std::move(servers);
    services.push_back(std::move(json));
  }
  return print({{"uptime_ms", stats.uptime_ms()},
                {"connections", stats.connections()},
                {"max_connections", stats.max_connections()},
                {"connections_created", stats.connections_created()},
                {"connections_expired", stats.connections_expired()},
                {"connections_shed", stats.connections_shed()},
                {"persistence_entries", stats.persistence_entries()},
                {"max_persistence", stats.max_persistence()},
                {"persistence_evicted", stats.persistence_evicted()},
                {"services", std::move(services)}});
}

}  // namespace lb::cli
