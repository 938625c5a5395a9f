// Field tables of connections and of persistence.
#pragma once

#include "controlplane/view/conns.h"
#include "controlplane/view/field.h"

namespace lb::view {

constexpr auto fields(const ConnRow*) {
  return std::tuple(
      field("protocol", &ConnRow::protocol, "`tcp` or `udp`."),
      field("client_address", &ConnRow::client_address, "The client's address."),
      field("client_port", &ConnRow::client_port, "The client's port."),
      field("vip_address", &ConnRow::vip_address, "The address that it asked for."),
      field("vip_port", &ConnRow::vip_port, "The port that it asked for."),
      field("real_server_address", &ConnRow::real_server_address, "The real server's address."),
      field("real_server_port", &ConnRow::real_server_port, "The real server's port."),
      field("state", &ConnRow::state, "As `ESTABLISHED`; `UDP` or `UDP_UNANSWERED` of UDP."),
      field("expires_ms", &ConnRow::expires_ms, "Time until it ends unless packets come.",
            {.unit = "ms"}),
      field("service", &ConnRow::service, "Name of its service."),
      field("mode", &ConnRow::mode,
            "`nat` or `dr`; `local` of one to a sorry server on the director."));
}

constexpr auto fields(const PersistenceRow*) {
  return std::tuple(
      field("client_address", &PersistenceRow::client_address,
            "Address of the client, or of its network."),
      field("client_prefix", &PersistenceRow::client_prefix, "Prefix length of that network."),
      field("real_server_address", &PersistenceRow::real_server_address,
            "The real server's address."),
      field("real_server_port", &PersistenceRow::real_server_port,
            "The real server's port; 0: any, in a group."),
      field("service", &PersistenceRow::service, "The service that the client used last."),
      field("group", &PersistenceRow::group, "Group of services; empty: none."),
      field("expires_ms", &PersistenceRow::expires_ms, "Time until it is forgotten.",
            {.unit = "ms"}),
      field("from_peer", &PersistenceRow::from_peer, "Whether it came from the HA peer."));
}

}  // namespace lb::view
