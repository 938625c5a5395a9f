#include "controlplane/view/conn_table.h"

#include "controlplane/view/format.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/enum_codec.h"

namespace lb::view {

ConnTableUse conn_table_of(const api::Stats& stats) {
  ConnTableUse out;
  out.connections = stats.connections();
  out.max_connections = stats.max_connections();
  out.refused_packets = stats.table_full();
  const double places = static_cast<double>(stats.max_connections());
  for (const api::ServiceStats& service : stats.services()) {
    const auto connections = service.table_connections();
    out.services.push_back(
        {.service = service.name(),
         .protocol = name_in(service.protocol()),
         .connections = connections,
         .table_percent = places == 0 ? 0 : 100 * static_cast<double>(connections) / places,
         .kept = service.table_kept()});
  }
  for (const api::ShedStats& shed : stats.shed()) {
    out.shed.push_back({.kind = shed.kind(),
                        .connections = shed.connections(),
                        .description = shed.description()});
  }
  return out;
}

}  // namespace lb::view
