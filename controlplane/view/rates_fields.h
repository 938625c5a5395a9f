// Field tables of rates.
#pragma once

#include "controlplane/view/field.h"
#include "controlplane/view/format.h"
#include "controlplane/view/rates.h"

namespace lb::view {

constexpr auto fields(const TrafficRate*) {
  using T = TrafficRate;
  return std::tuple(
      field("connections_per_s", &T::connections, "Connections that began.",
            {.unit = "1/s", .heading = "Conns/s", .cell = number_cell<&T::connections, whole>}),
      field(
          "packets_in_per_s", &T::packets_in, "Packets from clients.",
          {.unit = "packets/s", .heading = "InPkts/s", .cell = number_cell<&T::packets_in, whole>}),
      field("packets_out_per_s", &T::packets_out, "Packets to clients.",
            {.unit = "packets/s",
             .heading = "OutPkts/s",
             .cell = number_cell<&T::packets_out, whole>}),
      field("bits_in_per_s", &T::bits_in, "Bits from clients; the column has Mbit/s.",
            {.unit = "bit/s", .heading = "InMbit/s", .cell = number_cell<&T::bits_in, megabits>}),
      field(
          "bits_out_per_s", &T::bits_out, "Bits to clients; the column has Mbit/s.",
          {.unit = "bit/s", .heading = "OutMbit/s", .cell = number_cell<&T::bits_out, megabits>}));
}

constexpr auto fields(const RealServerRate*) {
  return std::tuple(
      field("address", &RealServerRate::address, "Its address."),
      field("port", &RealServerRate::port, "Its port; 0: the one that the client asked for."),
      inlined(&RealServerRate::traffic));
}

constexpr auto fields(const ServiceRate*) {
  return std::tuple(field("name", &ServiceRate::name, "Name of the service."),
                    field("protocol", &ServiceRate::protocol, "`tcp` or `udp`."),
                    field("address", &ServiceRate::address, "Its first address."),
                    field("port", &ServiceRate::port, "The first port of that."),
                    inlined(&ServiceRate::traffic),
                    field("real_servers", &ServiceRate::real_servers, "Its real servers."));
}

constexpr auto fields(const WorkerRate*) {
  using T = WorkerRate;
  return std::tuple(
      field("worker", &T::worker, "Number of the worker, from 0.",
            {.heading = "Worker", .align = Align::kLeft}),
      field("cpu", &T::cpu, "The CPU that it runs on.", {.heading = "CPU"}),
      field("busy_percent", &T::busy_percent, "Share of the cycles in which there were packets.",
            {.unit = "percent", .heading = "Busy%", .cell = number_cell<&T::busy_percent, tenths>}),
      field("packets_per_s", &T::packets, "Packets that it received.",
            {.unit = "packets/s", .heading = "Pkts/s", .cell = number_cell<&T::packets, whole>}),
      field("bits_per_s", &T::bits, "Bits that it received; the column has Mbit/s.",
            {.unit = "bit/s", .heading = "Mbit/s", .cell = number_cell<&T::bits, megabits>}),
      field("packets_per_burst", &T::packets_per_burst,
            "Packets for each time that it found some; null: there were none.",
            {.heading = "Pkts/Burst", .cell = number_cell<&T::packets_per_burst, tenths>}),
      field("cycles_per_packet", &T::cycles_per_packet,
            "Busy cycles for each packet; null: there were none.",
            {.unit = "cycles",
             .heading = "Cycles/Pkt",
             .cell = number_cell<&T::cycles_per_packet, whole>}),
      field("forwarded_packets_per_s", &T::forwarded,
            "Packets forwarded to real servers and clients.",
            {.unit = "packets/s",
             .heading = "Forwarded/s",
             .cell = number_cell<&T::forwarded, whole>}),
      field("punted_packets_per_s", &T::punted, "Packets given to the kernel.",
            {.unit = "packets/s", .heading = "Punted/s", .cell = number_cell<&T::punted, whole>}),
      field(
          "dropped_packets_per_s", &T::dropped, "Packets dropped.",
          {.unit = "packets/s", .heading = "Dropped/s", .cell = number_cell<&T::dropped, whole>}));
}

constexpr auto fields(const PortRate*) {
  using T = PortRate;
  return std::tuple(
      field("name", &T::name, "Name of the port.", {.heading = "Port"}),
      field(
          "rx_packets_per_s", &T::rx_packets, "Packets from the device.",
          {.unit = "packets/s", .heading = "RxPkts/s", .cell = number_cell<&T::rx_packets, whole>}),
      field("rx_bits_per_s", &T::rx_bits, "Bits from the device; the column has Mbit/s.",
            {.unit = "bit/s", .heading = "RxMbit/s", .cell = number_cell<&T::rx_bits, megabits>}),
      field(
          "tx_packets_per_s", &T::tx_packets, "Packets to the device.",
          {.unit = "packets/s", .heading = "TxPkts/s", .cell = number_cell<&T::tx_packets, whole>}),
      field("tx_bits_per_s", &T::tx_bits, "Bits to the device; the column has Mbit/s.",
            {.unit = "bit/s", .heading = "TxMbit/s", .cell = number_cell<&T::tx_bits, megabits>}),
      field(
          "rx_missed_packets_per_s", &T::rx_missed,
          "Packets that the device dropped because the workers were late.",
          {.unit = "packets/s", .heading = "Missed/s", .cell = number_cell<&T::rx_missed, whole>}));
}

constexpr auto fields(const DropRate*) {
  return std::tuple(
      field("reason", &DropRate::reason, "Name of the reason."),
      field("packets_per_s", &DropRate::packets, "Packets dropped for it.", {.unit = "packets/s"}));
}

constexpr auto fields(const Rates*) {
  return std::tuple(
      field("interval_s", &Rates::seconds, "Time between the two readings.", {.unit = "s"}),
      field("connections", &Rates::connections, "Connections in the table."),
      field("connections_created_per_s", &Rates::connections_created, "Connections that began.",
            {.unit = "1/s"}),
      field("connections_expired_per_s", &Rates::connections_expired, "Connections that ended.",
            {.unit = "1/s"}),
      field("connections_shed_per_s", &Rates::connections_shed,
            "Connections that ended to make room in a full table.", {.unit = "1/s"}),
      field("lcores", &Rates::lcores, "All workers."), field("ports", &Rates::ports, "All ports."),
      field("services", &Rates::services, "All services."),
      field("drops", &Rates::drops, "Every reason, also those at 0."));
}

constexpr auto fields(const WorkerRates*) {
  return std::tuple(
      field("interval_s", &WorkerRates::seconds, "Time between the two readings.", {.unit = "s"}),
      field("lcores", &WorkerRates::lcores, "All workers."));
}

}  // namespace lb::view
