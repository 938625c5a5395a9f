// The path of a flow's packets between client and real server: everything that the forwarding mode
// decides about them. Pure. New connections, connections of the HA peer and datagrams without a
// connection share it.
//
// A new forwarding mode is one case in make_path(), one rewrite in Pipeline::send_to_server() and
// one row in the tests' matrix (path_test.cc, tests/golden/modes_test.cc).
#pragma once

#include <cstdint>

#include "dataplane/conn/table.h"
#include "dataplane/packet/rewrite.h"
#include "dataplane/service/snapshot.h"

namespace lb {

struct Path {
  // As in Record: [0] as packets come from the client, [1] as they come from the real server. Each
  // is, reversed, what packets of the other direction are rewritten to, in modes that rewrite.
  FlowTuple tuple[2];
  Deltas deltas;                      // of the rewrite from client to server; none: no rewrite
  const NextHop* next_hop = nullptr;  // to the real server; owned by the snapshot
  Mode mode = Mode::kNat;
  std::uint8_t keys = 1;  // as in Record
};

// Whether the real server's packets come back through the director: then tuple[1] is a key of the
// connection.
constexpr bool has_reverse_key(Mode mode) {
  switch (mode) {
    case Mode::kNat:
      return true;
    case Mode::kDr:
      return false;
  }
  return false;
}

inline Mode mode_of(const Record& record) {
  return static_cast<Mode>(record.mode & ~kProxied);
}

// The tuple of the real server's packets when the client's packets go to `server_port` there.
inline FlowTuple reverse_key(const FlowTuple& from_client, const RealServerEntry& server,
                             Be16 server_port) {
  return {server.address, from_client.src, server_port, from_client.sport};
}

// `from_client` is the tuple of the client's packets (ports 0 in a later fragment), `server_port`
// the port that they go to. The path refers to `server`.
inline Path make_path(const FlowTuple& from_client, const RealServerEntry& server, Be16 server_port,
                      Mode mode) {
  Path path;
  path.tuple[0] = from_client;
  path.tuple[1] = reverse_key(from_client, server, server_port);
  path.next_hop = &server.next_hop;
  path.mode = mode;
  path.keys = has_reverse_key(mode) ? 2 : 1;
  switch (mode) {
    case Mode::kNat:
      path.deltas = deltas(from_client, path.tuple[1].reversed());
      break;
    case Mode::kDr:
      break;
  }
  return path;
}

// The same to the port of the server's configuration.
inline Path make_path(const FlowTuple& from_client, const RealServerEntry& server, Mode mode) {
  return make_path(from_client, server, server.port_for(from_client.dport), mode);
}

// The path's part of a new connection; the other fields are the caller's to set.
inline NewConn connection_on(const Path& path) {
  NewConn conn;
  conn.tuple[0] = path.tuple[0];
  conn.tuple[1] = path.tuple[1];
  conn.deltas = path.deltas;
  conn.mode = static_cast<std::uint8_t>(path.mode);
  conn.keys = path.keys;
  return conn;
}

}  // namespace lb
