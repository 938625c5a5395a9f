// Field tables of services and real servers.
#pragma once

#include "controlplane/view/field.h"
#include "controlplane/view/services.h"

namespace lb::view {

// Cells of several fields.
std::string endpoint_cell(const RealServerRow& row);
std::string forward_cell(const RealServerRow& row);
std::string weight_cell(const RealServerRow& row);  // with a star when it is not the file's
std::string state_cell(const RealServerRow& row);   // "drain, 9m58s left"
std::string health_cell(const RealServerRow& row);
std::string since_cell(const RealServerRow& row);
std::string check_cell(const RealServerRow& row);
std::string limit_cell(const RealServerRow& row);  // "100/75": full at 100, back at 75
std::string connections_cell(const RealServerRow& row);
std::string last_result_cell(const RealServerRow& row);

constexpr auto fields(const Traffic*) {
  return std::tuple(
      field("connections", &Traffic::connections,
            "Connections that began; with `one_packet` the datagrams of clients.",
            {.counter = true, .heading = "Conns"}),
      field("packets_in", &Traffic::packets_in, "Packets from clients.",
            {.unit = "packets", .counter = true, .heading = "InPkts"}),
      field("packets_out", &Traffic::packets_out, "Packets to clients.",
            {.unit = "packets", .counter = true, .heading = "OutPkts"}),
      field("bytes_in", &Traffic::bytes_in, "Bytes from clients.",
            {.unit = "bytes", .counter = true, .heading = "InBytes"}),
      field("bytes_out", &Traffic::bytes_out, "Bytes to clients.",
            {.unit = "bytes", .counter = true, .heading = "OutBytes"}),
      field("syn_unanswered", &Traffic::syn_unanswered, "TCP handshakes that had no answer.",
            {.counter = true, .heading = "SynUnansw"}),
      field("syn_refused", &Traffic::syn_refused,
            "TCP handshakes that the real server reset, in NAT mode.",
            {.counter = true, .heading = "SynRefused"}));
}

constexpr auto fields(const ServerPolicy*) {
  return std::tuple(
      field("duty", &ServerPolicy::admin_state, "`ready`, `maint`, `drain` or `drained`."),
      field("weight", &ServerPolicy::weight,
            "Weight in the file, or as an operator, the agent or the check set it."),
      field("weight_in_file", &ServerPolicy::weight_in_file, "Weight in the file."),
      field("weight_in_effect", &ServerPolicy::weight_in_effect,
            "Weight in the data plane, by quorum and slow start."),
      field("drain_left_ms", &ServerPolicy::drain_left_ms,
            "Time until the connections of a draining server end; without a deadline null.",
            {.unit = "ms"}),
      field("slow_start_percent", &ServerPolicy::slow_start_percent,
            "Share of its weight that a server in slow start has; else null.",
            {.unit = "percent"}));
}

constexpr auto fields(const Policy*) {
  return std::tuple(field("sorry_server", &Policy::sorry_server,
                          "Whether it is the sorry server of its service."),
                    field("in_use", &Policy::in_use,
                          "Whether clients are sent to it; of a sorry server alone, which has none "
                          "of the other keys.",
                          {.without = Without::kLeftOut}),
                    inlined(&Policy::server));
}

constexpr auto fields(const Health*) {
  return std::tuple(
      field("up", &Health::up, "Whether its check passes and its agent does not object."),
      field("since_ms", &Health::since_ms, "Time in this state.", {.unit = "ms"}),
      field("check", &Health::check, "Type of the check."),
      field("last_result", &Health::last_result, "The last result; empty: none yet."),
      field("held", &Health::held,
            "Why the panic guard keeps it in service though its check fails; null: it does not."),
      field("rise_count", &Health::rise_count, "Good results in a row."),
      field("fall_count", &Health::fall_count, "Bad results in a row."));
}

constexpr auto fields(const RealServerRow*) {
  constexpr Answers kServiceAndRs = kInService | kInRs;
  return std::tuple(
      field("service", &RealServerRow::service, "Name of its service.",
            {.heading = "Service", .in = kInRs}),
      field("protocol", &RealServerRow::protocol, "`tcp` or `udp`.", {.in = kInRs}),
      field("address", &RealServerRow::address, "Its address."),
      field("port", &RealServerRow::port, "Its port; 0: the one that the client asked for."),
      column("RealServer:Port", endpoint_cell),
      field("mode", &RealServerRow::mode,
            "`nat` or `dr`; `local` of a sorry server on the director.",
            {.heading = "Forward", .cell = forward_cell, .in = kInRs}),
      field("weight", &RealServerRow::weight, "Weight in the data plane.",
            {.heading = "Weight", .cell = weight_cell, .in = kServiceAndRs}),
      field("state", &RealServerRow::state,
            "`up`, `down`, `unresolved`, `full`, `removed`, `maint`, `drain`, `drained`, "
            "`quiesced`, `slow start`; of a sorry server `not in use`.",
            {.heading = "State", .cell = state_cell, .in = kServiceAndRs}),
      field("up", &RealServerRow::up, "Whether it may get new connections.", {.in = kInRs}),
      field("removed", &RealServerRow::removed,
            "Whether it is no longer configured and has connections left.", {.in = kInRs}),
      field("next_hop_resolved", &RealServerRow::next_hop_resolved,
            "Whether its MAC address, or its gateway's, is known.", {.in = kInRs}),
      column("Health", health_cell), column("Since", since_cell, Align::kRight),
      column("Check", check_cell),
      field("active_connections", &RealServerRow::active_connections, "Established connections.",
            {.heading = "ActiveConn", .in = kServiceAndRs}),
      field("inactive_connections", &RealServerRow::inactive_connections,
            "Connections in every other state.", {.heading = "InActConn", .in = kServiceAndRs}),
      field("max_connections", &RealServerRow::max_connections,
            "It is full with so many connections; 0: no limit.",
            {.heading = "MaxConn", .cell = limit_cell, .in = kInRs}),
      field("resume_connections", &RealServerRow::resume_connections,
            "It is full until it has no more than these.", {.in = kInRs}),
      field("full", &RealServerRow::full, "Whether it gets no new connections for that reason.",
            {.in = kInRs}),
      column("Conns", connections_cell, Align::kRight),
      inlined(&RealServerRow::traffic, kInRs | kInStats),
      field("policy", &RealServerRow::policy,
            "What operators and policies make of it; null: the control plane does not answer.",
            {.in = kServiceAndRs}),
      field("health", &RealServerRow::health, "Result of its check; null: not known.",
            {.in = kInRs}),
      column("LastResult", last_result_cell));
}

constexpr auto fields(const Refused*) {
  return std::tuple(field("denied", &Refused::denied, "By `allow` and `deny`.",
                          {.unit = "packets", .counter = true}),
                    field("client_rate_limited", &Refused::client_rate_limited,
                          "By the limit of a client.", {.unit = "packets", .counter = true}),
                    field("service_rate_limited", &Refused::service_rate_limited,
                          "By the limit of the service.", {.unit = "packets", .counter = true}));
}

constexpr auto fields(const SynProxy*) {
  return std::tuple(
      field("mode", &SynProxy::mode, "`adaptive` or `always`."),
      field("active", &SynProxy::active, "Whether SYNs are answered with cookies now."),
      field(
          "timestamps", &SynProxy::timestamps,
          "Whether clients are promised TCP timestamps: not any more when a real server had none."),
      field("half_open", &SynProxy::half_open, "Connections that are half-open now."),
      field("cookies", &SynProxy::cookies, "SYNs that were answered with a cookie.",
            {.counter = true}),
      field("proven", &SynProxy::proven, "Clients that came back with their cookie.",
            {.counter = true}),
      field("refused", &SynProxy::refused, "Segments of no connection that had no valid cookie.",
            {.unit = "packets", .counter = true}));
}

constexpr auto fields(const Quorum*) {
  return std::tuple(
      field("reached", &Quorum::reached, "Null: not all servers were checked yet."),
      field("weight_up", &Quorum::weight_up, "Sum of the weights of the servers that are up."),
      field("quorum", &Quorum::quorum, "The weight that is required."),
      field("hysteresis", &Quorum::hysteresis,
            "Weight above or below the quorum that a change needs."),
      field("sorry_server_in_use", &Quorum::sorry_server_in_use,
            "Whether clients are sent to the sorry server."));
}

constexpr auto fields(const ServiceRow*) {
  return std::tuple(
      field("name", &ServiceRow::name, "Name of the service."),
      field("protocol", &ServiceRow::protocol, "`tcp` or `udp`."),
      field("address", &ServiceRow::address, "Its first address."),
      field("port", &ServiceRow::port, "The first port of that."),
      field("addresses", &ServiceRow::addresses, "All, as the configuration writes them."),
      field("mode", &ServiceRow::mode, "`nat` or `dr`.", {.in = kInService}),
      field("scheduler", &ServiceRow::scheduler, "As the configuration writes it.",
            {.in = kInService}),
      field("one_packet", &ServiceRow::one_packet, "Whether each datagram goes on its own.",
            {.in = kInService}),
      inlined(&ServiceRow::traffic, kInStats),
      field("refused", &ServiceRow::refused,
            "What would have opened a connection and was refused; null: no lists and limits."),
      field("syn_proxy", &ServiceRow::syn_proxy, "Its SYN proxy; null: it has none."),
      field("quorum", &ServiceRow::quorum, "Null: the control plane does not answer.",
            {.in = kInService}),
      field("real_servers", &ServiceRow::real_servers, "Its real servers."));
}

constexpr auto fields(const Services*) {
  return std::tuple(
      field("connections", &Services::connections, "Connections in the table."),
      field("max_connections", &Services::max_connections, "Room in the table."),
      field("generation", &Services::generation, "Number of the snapshot in the data plane."),
      field("services", &Services::services, "All services."));
}

constexpr auto fields(const RealServers*) {
  return std::tuple(
      field("health_known", &RealServers::health_known, "Whether the control plane answered."),
      field("real_servers", &RealServers::real_servers, "Those of all services."));
}

constexpr auto fields(const Statistics*) {
  return std::tuple(
      field("uptime_ms", &Statistics::uptime_ms, "Since the data plane started.", {.unit = "ms"}),
      field("connections", &Statistics::connections, "Connections in the table."),
      field("max_connections", &Statistics::max_connections, "Room in the table."),
      field("connections_created", &Statistics::connections_created, "Connections that began.",
            {.counter = true}),
      field("connections_expired", &Statistics::connections_expired, "Connections that ended.",
            {.counter = true}),
      field("connections_shed", &Statistics::connections_shed,
            "Connections that ended to make room in a full table.", {.counter = true}),
      field("client_hops", &Statistics::client_hops,
            "Routers and clients on the local networks that connections go to."),
      field("max_client_hops", &Statistics::max_client_hops, "Room for them."),
      field("client_hops_kept", &Statistics::client_hops_kept,
            "Connections whose packets came by another router when there was no room for it.",
            {.counter = true}),
      field("persistence_entries", &Statistics::persistence_entries,
            "Clients that are bound to a real server."),
      field("max_persistence", &Statistics::max_persistence,
            "Room for such clients; 0: no service has had persistence yet."),
      field("persistence_evicted", &Statistics::persistence_evicted,
            "Clients evicted from a full table.", {.counter = true}),
      field("services", &Statistics::services, "All services."));
}

}  // namespace lb::view
