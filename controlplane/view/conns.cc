#include "controlplane/view/conns.h"

#include "controlplane/view/format.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/enum_codec.h"

namespace lb::view {

ConnRow conn_of(const api::Conn& conn) {
  return {.protocol = name_in(conn.protocol()),
          .client_address = address_text(conn.client()),
          .client_port = conn.client_port(),
          .vip_address = address_text(conn.vip()),
          .vip_port = conn.vip_port(),
          .real_server_address = address_text(conn.real_server()),
          .real_server_port = conn.real_server_port(),
          .state = conn.state(),
          .expires_ms = conn.expires_ms(),
          .service = conn.service(),
          .mode = conn.local() ? kLocalMode : name_in(conn.mode())};
}

PersistenceRow persistence_of(const api::PersistenceEntry& entry) {
  return {.client_address = address_text(entry.client()),
          .client_prefix = entry.client_prefix(),
          .real_server_address = address_text(entry.real_server()),
          .real_server_port = entry.real_server_port(),
          .service = entry.service(),
          .group = entry.group(),
          .expires_ms = entry.expires_ms(),
          .from_peer = entry.from_peer()};
}

}  // namespace lb::view
