// Field tables of ports, workers, reasons of drops and packets for the kernel.
#pragma once

#include "controlplane/view/field.h"
#include "controlplane/view/format.h"
#include "controlplane/view/workers.h"

namespace lb::view {

std::string link_cell(const PortRow& row);    // "10000Mbit/s", "down", "gone"
std::string queues_cell(const PortRow& row);  // "1/2"

constexpr auto fields(const PortRow*) {
  return std::tuple(
      field("name", &PortRow::name, "Name of the port.", {.heading = "Port"}),
      field("device", &PortRow::device, "Its DPDK device."),
      field("driver", &PortRow::driver, "Driver of the device."),
      field("mac", &PortRow::mac, "Its MAC address."),
      field("link_up", &PortRow::link_up, "Whether it has a link.",
            {.heading = "Link", .cell = link_cell}),
      field("restart_needed", &PortRow::restart_needed,
            "Whether its interface of the host is gone: when there is one of the same name again, "
            "only "
            "a restart of lb-dataplane uses it."),
      field("link_mbps", &PortRow::link_mbps, "Speed of the link; 0: not known.",
            {.unit = "Mbit/s"}),
      field("mtu_bytes", &PortRow::mtu_bytes, "Largest IP packet.",
            {.unit = "bytes", .heading = "MTU"}),
      field("rx_queues", &PortRow::rx_queues, "Receive queues.",
            {.heading = "Queues", .cell = queues_cell}),
      field("tx_queues", &PortRow::tx_queues, "Transmit queues."),
      field("rx_packets", &PortRow::rx_packets, "Packets from the device.",
            {.unit = "packets", .counter = true, .heading = "RxPkts"}),
      field("rx_bytes", &PortRow::rx_bytes, "Bytes from the device.",
            {.unit = "bytes", .counter = true, .heading = "RxBytes"}),
      field("tx_packets", &PortRow::tx_packets, "Packets to the device.",
            {.unit = "packets", .counter = true, .heading = "TxPkts"}),
      field("tx_bytes", &PortRow::tx_bytes, "Bytes to the device.",
            {.unit = "bytes", .counter = true, .heading = "TxBytes"}),
      field("rx_missed_packets", &PortRow::rx_missed_packets,
            "Packets that the device dropped because the workers were late.",
            {.unit = "packets", .counter = true, .heading = "Missed"}),
      field("rx_errors", &PortRow::rx_errors, "Broken packets that the device received.",
            {.unit = "packets", .counter = true, .heading = "RxErr"}),
      field("tx_errors", &PortRow::tx_errors, "Packets that the device could not send.",
            {.unit = "packets", .counter = true, .heading = "TxErr"}),
      field("kernel_rx_packets", &PortRow::kernel_rx_packets,
            "Packets given to the kernel interface.",
            {.unit = "packets", .counter = true, .heading = "ToKernel"}),
      field("kernel_tx_packets", &PortRow::kernel_tx_packets, "Packets that the kernel sent by it.",
            {.unit = "packets", .counter = true, .heading = "FromKernel"}));
}

constexpr auto fields(const Ports*) {
  return std::tuple(field("ports", &Ports::ports, "All ports."));
}

constexpr auto fields(const WorkerRow*) {
  return std::tuple(
      field("worker", &WorkerRow::worker, "Number of the worker, from 0.", {.heading = "Worker"}),
      field("cpu", &WorkerRow::cpu, "The CPU that it runs on.", {.heading = "CPU"}),
      field("busy_percent", &WorkerRow::busy_percent,
            "Share of the cycles in which there were packets.",
            {.unit = "percent",
             .heading = "Busy%",
             .cell = number_cell<&WorkerRow::busy_percent, tenths>}),
      field("polls", &WorkerRow::polls, "Times that it looked for packets.", {.counter = true}),
      field("bursts", &WorkerRow::bursts, "Times that it found some.", {.counter = true}),
      field("packets", &WorkerRow::packets, "Packets that it received.",
            {.unit = "packets", .counter = true, .heading = "Packets"}),
      field("bytes", &WorkerRow::bytes, "Bytes that it received.",
            {.unit = "bytes", .counter = true, .heading = "Bytes"}),
      field("forwarded_packets", &WorkerRow::forwarded_packets,
            "Packets forwarded to real servers and clients.",
            {.unit = "packets", .counter = true, .heading = "Forwarded"}),
      field("punted_packets", &WorkerRow::punted_packets, "Packets given to the kernel.",
            {.unit = "packets", .counter = true, .heading = "Punted"}),
      field("dropped_packets", &WorkerRow::dropped_packets,
            "Packets dropped; `lbcli show drops` says why.",
            {.unit = "packets", .counter = true, .heading = "Dropped"}),
      field("busy_cycles", &WorkerRow::busy_cycles, "Cycles in which there were packets.",
            {.unit = "cycles", .counter = true}),
      field("total_cycles", &WorkerRow::total_cycles, "All cycles.",
            {.unit = "cycles", .counter = true}),
      field("packets_per_burst", &WorkerRow::packets_per_burst,
            "Packets for each time that it found some; null: none yet.",
            {.heading = "Pkts/Burst", .cell = number_cell<&WorkerRow::packets_per_burst, tenths>}),
      field("cycles_per_packet", &WorkerRow::cycles_per_packet,
            "Busy cycles for each packet; null: none yet.",
            {.unit = "cycles",
             .heading = "Cycles/Pkt",
             .cell = number_cell<&WorkerRow::cycles_per_packet, whole>}));
}

constexpr auto fields(const Workers*) {
  return std::tuple(field("tsc_hz", &Workers::tsc_hz, "Cycles in a second.", {.unit = "Hz"}),
                    field("lcores", &Workers::workers, "All workers."));
}

constexpr auto fields(const DropRow*) {
  return std::tuple(
      field("reason", &DropRow::reason, "Name of the reason.", {.heading = "Reason"}),
      field("packets", &DropRow::packets, "Packets dropped for it.",
            {.unit = "packets", .counter = true, .heading = "Packets"}),
      field("description", &DropRow::description, "What it means.", {.heading = "Meaning"}));
}

constexpr auto fields(const Drops*) {
  return std::tuple(field("total_packets", &Drops::total_packets, "All dropped packets.",
                          {.unit = "packets", .counter = true}),
                    field("drops", &Drops::drops, "Every reason, also those at 0."));
}

constexpr auto fields(const PuntRow*) {
  return std::tuple(
      field("port", &PuntRow::port, "Name of the port.", {.heading = "Port"}),
      field("class", &PuntRow::kind, "Name of the class.", {.heading = "Class"}),
      field("passed_packets", &PuntRow::passed_packets, "Packets within the limits of the class.",
            {.unit = "packets", .counter = true, .heading = "Passed"}),
      field("dropped_packets", &PuntRow::dropped_packets,
            "Packets over the limits of the class, dropped as punt_limited.",
            {.unit = "packets", .counter = true, .heading = "Dropped"}),
      field("description", &PuntRow::description, "What is in the class.", {.heading = "Packets"}));
}

constexpr auto fields(const Punts*) {
  return std::tuple(field("punts", &Punts::punts, "Every class of every port, also those at 0."));
}

}  // namespace lb::view
