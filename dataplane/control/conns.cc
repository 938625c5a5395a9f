#include "dataplane/control/conns.h"

#include <algorithm>

#include "config/base/nearest.h"
#include "dataplane/api/address_codec.h"
#include "dataplane/api/enum_codec.h"

namespace lb {

namespace {

Result<ConnState> parse_state(const std::string& text) {
  std::vector<std::string_view> known;
  for (std::size_t i = 0; i < static_cast<std::size_t>(ConnState::kCount); ++i) {
    const auto state = static_cast<ConnState>(i);
    if (!is_live(state)) continue;
    if (to_string(state) == text) return state;
    known.push_back(to_string(state));
  }
  return wrong_request(unknown_name("state", text, known));
}

std::string_view service_name(const Snapshot& snapshot, std::uint32_t slot) {
  return slot < snapshot.services.size() ? std::string_view(snapshot.services[slot].name)
                                         : std::string_view();
}

// A server that is not configured any more is known as long as it has connections.
bool knows(const Snapshot& snapshot, const ConnMatch& match) {
  return std::ranges::any_of(snapshot.real_servers, [&](const RealServerEntry& server) {
    const bool in_service =
        server.service != kNoSlot && (match.services.empty() || match.services[server.service]);
    const bool same_port = match.real_server_port.raw == 0 || server.port.raw == 0 ||
                           server.port.raw == match.real_server_port.raw;
    return in_service && server.address.raw == match.real_server.raw && same_port;
  });
}

Result<void> put_real_server(const api::ConnsRequest& request, const Snapshot& snapshot,
                             ConnMatch& match) {
  const auto address = to_ipv4_address(request.real_server());
  if (!address) return wrong_request("real server: " + address.error().message);
  if (request.real_server_port() > 65'535) return wrong_request("real server: port above 65535");
  const auto port = static_cast<std::uint16_t>(request.real_server_port());
  match.by_real_server = true;
  match.real_server = address->be;
  match.real_server_port = Be16::from_host(port);
  if (knows(snapshot, match)) return {};
  const std::string name = port == 0 ? address->to_string() : Endpoint(*address, port).to_string();
  return wrong_request(unknown_real_server(request.service(), name));
}

void fill(const ConnTable::Copy& conn, const Snapshot& snapshot, std::uint32_t now_tick,
          api::Conn& out) {
  const FlowTuple& from_client = conn.tuple[0];
  const FlowTuple& from_server = conn.tuple[1];
  out.set_protocol(to_api(static_cast<Protocol>(conn.proto)));
  out.set_client(to_bytes({from_client.src}));
  out.set_client_port(from_client.sport.host());
  out.set_vip(to_bytes({from_client.dst}));
  out.set_vip_port(from_client.dport.host());
  out.set_real_server(to_bytes({from_server.src}));
  out.set_real_server_port(from_server.sport.host());
  out.set_state(std::string(to_string(conn.state)));
  out.set_service(std::string(service_name(snapshot, conn.service)));
  out.set_mode(to_api(static_cast<Mode>(conn.mode)));
  out.set_local(conn.rs < snapshot.real_servers.size() &&
                snapshot.real_servers[conn.rs].next_hop.local);
  // Ticks wrap: a connection from the HA peer may have been seen before this data plane started.
  const auto left = static_cast<std::int32_t>(
      conn.last_seen + snapshot.timeouts().ticks(conn.service, conn.state) - now_tick);
  out.set_expires_ms(static_cast<std::uint64_t>(std::max(left, 0)) * kTickMs);
}

}  // namespace

Error unknown_service(const std::string& name, const Snapshot& snapshot) {
  std::vector<std::string_view> names;
  for (const ServiceEntry& service : snapshot.services) {
    if (service.configured) names.push_back(service.name);
  }
  return {unknown_name("service", name, names, "see lbcli show service"), ErrorKind::kWrongRequest};
}

Result<ConnMatch> to_match(const api::ConnsRequest& request, const Snapshot& snapshot) {
  ConnMatch match;
  if (!request.service().empty()) {
    bool known = false;
    for (const ServiceEntry& service : snapshot.services) {
      match.services.push_back(service.name == request.service());
      known |= match.services.back();
    }
    if (!known) return tl::make_unexpected(unknown_service(request.service(), snapshot));
  }
  if (!request.client().empty()) {
    const auto address = to_ipv4_address(request.client());
    if (!address) return wrong_request("client: " + address.error().message);
    if (request.client_prefix() > 32) return wrong_request("client: a prefix has at most 32 bits");
    const std::uint32_t length = request.client_prefix() == 0 ? 32 : request.client_prefix();
    match.client = address->be;
    match.client_mask = Be32::from_host(~std::uint32_t{0} << (32 - length)).raw;
  }
  if (!request.real_server().empty()) {
    const auto known = put_real_server(request, snapshot, match);
    if (!known) return tl::make_unexpected(known.error());
  }
  if (!request.state().empty()) {
    const auto state = parse_state(request.state());
    if (!state) return tl::make_unexpected(state.error());
    match.state = *state;
  }
  return match;
}

Result<ConnsCursor> ConnsCursor::make(const api::ConnsRequest& request, const ConnTable& table,
                                      const Snapshot& snapshot) {
  auto match = to_match(request, snapshot);
  if (!match) return tl::make_unexpected(match.error());
  ConnsCursor cursor(table);
  cursor.match_ = std::move(*match);
  if (request.limit() != 0) cursor.left_ = request.limit();
  return cursor;
}

api::Response ConnsCursor::next(const Snapshot& snapshot, std::uint32_t now_tick) {
  api::Response response;
  auto& rows = *response.mutable_conns();
  const std::uint32_t end = table_->records();
  const std::uint32_t stop = end - index_ > kRecords ? index_ + kRecords : end;
  while (index_ < stop && left_ > 0 && rows.conns_size() < kRows) {
    ConnTable::Copy conn;
    if (!table_->read(index_++, conn)) continue;
    if (!match_.matches(conn.tuple, conn.service, conn.state)) continue;
    fill(conn, snapshot, now_tick, *rows.add_conns());
    --left_;
  }
  response.set_more(index_ < end && left_ > 0);
  return response;
}

}  // namespace lb
