// Services without connections (one_packet): a real server is chosen for every datagram. In NAT
// mode a reply is recognised by its source, a real server's address and port, and goes back to
// where the client's last datagram came from.
#include "dataplane/forward/pipeline.h"

namespace lb {

// From a client, to the server that the scheduler chooses.
Pipeline::Owner Pipeline::send_without_connection(Packet& packet, std::uint32_t service_slot,
                                                  const View& view) {
  const ServiceEntry& service = view.snapshot.services[service_slot];
  const std::uint32_t rs_slot =
      scheduler_.pick(service, service_slot, packet.tuple, load_, Filter({}));
  if (rs_slot == kNoSlot) {
    refuse({packet, service_slot}, view);
    return {};
  }
  if (service.is_stateless_nat() && !follow_return_path(packet, view)) {
    drop(packet, DropReason::hop_table_full);
    return {};
  }
  counters_.real_servers[rs_slot].connections.add(1);
  const Path path = make_path(packet.tuple, view.real_servers[rs_slot], service.mode);
  forward_stateless(packet, rs_slot, path, view);
  return {.stateless_rs = rs_slot};
}

// The client that a real server's packet replies to, if it is a reply. To the director itself it is
// none: the kernel waits for the replies to its own checks of the servers.
std::optional<Pipeline::Reply> Pipeline::find_reply(const FlowTuple& from_server,
                                                    const View& view) {
  const std::uint32_t rs_slot = view.snapshot.find_reply_server(from_server.src, from_server.sport);
  if (rs_slot == kNoSlot || view.snapshot.is_own(from_server.dst)) return std::nullopt;
  const std::uint32_t hop = view.snapshot.return_paths->find(from_server.dst);
  if (hop == HopTable::kNone) return std::nullopt;
  const ServiceEntry& service = view.snapshot.services[view.real_servers[rs_slot].service];
  return Reply{rs_slot,
               {from_server.dst, service.address, from_server.dport, service.port},
               {view.hops[hop].load(std::memory_order_relaxed)}};
}

// A datagram of no connection and to no service.
Pipeline::Owner Pipeline::reply_or_punt(Packet& packet, const View& view) {
  const std::optional<Reply> reply = find_reply(packet.tuple, view);
  if (!reply) {
    punt(packet, view.snapshot);
    return {};
  }
  if (!is_from_server(packet, view.real_servers[reply->rs], view.snapshot)) {
    drop(packet, DropReason::spoofed_server);
    return {};
  }
  reply_stateless(packet, *reply, view);
  return {.dir = 1, .stateless_rs = reply->rs};
}

// A later fragment. The configuration may be another one by now.
void Pipeline::follow(Packet& packet, const fragment::Stateless& first, const View& view) {
  const RealServerEntry& server = view.real_servers[first.real_server];
  const ServiceEntry& service = view.snapshot.services[first.service];
  const bool still = server.service == first.service && service.one_packet;
  if (still && first.dir == 0) {
    const Path path = make_path(packet.tuple, server, service.mode);
    return forward_stateless(packet, first.real_server, path, view);
  }
  if (still && service.is_stateless_nat() && server.address == packet.tuple.src &&
      is_from_server(packet, server, view.snapshot)) {
    const std::uint32_t hop = view.snapshot.return_paths->find(packet.tuple.dst);
    if (hop != HopTable::kNone) {
      const FlowTuple from_client{packet.tuple.dst, service.address, {}, {}};
      return reply_stateless(packet, {first.real_server, from_client, table_.hops().at(hop)}, view);
    }
  }
  drop(packet, DropReason::fragment_timeout);
}

}  // namespace lb
