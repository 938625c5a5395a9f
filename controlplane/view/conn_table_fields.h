// Field tables of the connection table.
#pragma once

#include "controlplane/view/conn_table.h"
#include "controlplane/view/field.h"
#include "controlplane/view/format.h"

namespace lb::view {

constexpr auto fields(const TableShareRow*) {
  return std::tuple(
      field("service", &TableShareRow::service, "Name of the service.", {.heading = "Service"}),
      field("protocol", &TableShareRow::protocol, "`tcp` or `udp`.", {.heading = "Protocol"}),
      field("connections", &TableShareRow::connections, "Its connections in the table.",
            {.heading = "Connections"}),
      field("table_percent", &TableShareRow::table_percent, "Their share of the table.",
            {.unit = "percent",
             .heading = "Table%",
             .cell = number_cell<&TableShareRow::table_percent, tenths>}),
      field("kept", &TableShareRow::kept, "Places in the table that no other service takes.",
            {.heading = "Kept"}));
}

constexpr auto fields(const ShedRow*) {
  return std::tuple(
      field("class", &ShedRow::kind, "Name of the class.", {.heading = "Ended"}),
      field("connections", &ShedRow::connections,
            "Connections that ended to make room in a full table.",
            {.counter = true, .heading = "Connections"}),
      field("description", &ShedRow::description, "What is in the class.", {.heading = "Meaning"}));
}

constexpr auto fields(const ConnTableUse*) {
  return std::tuple(
      field("connections", &ConnTableUse::connections, "Connections in the table."),
      field("max_connections", &ConnTableUse::max_connections, "Room in the table."),
      field("refused_packets", &ConnTableUse::refused_packets,
            "Packets that found no room in it, dropped as table_full.",
            {.unit = "packets", .counter = true}),
      field("services", &ConnTableUse::services, "All services."),
      field("shed", &ConnTableUse::shed, "Every class, in the order in which they end."));
}

}  // namespace lb::view
