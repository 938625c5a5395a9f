// Services whose datagrams go each on its own (one_packet): a real server is chosen for every one,
// and no connection is made. In NAT mode an answer is known by its source, a real server's address
// and port; its way back is where the client's last datagram came from.
#include "dataplane/forward/pipeline.h"
#include "dataplane/packet/rewrite.h"

namespace lb {

// What a connection's record would say. `from_client` may be a later fragment's, without ports.
void Pipeline::describe(Record& record, const FlowTuple& from_client, std::uint32_t rs_slot,
                        const View& view) {
  const RealServerEntry& server = view.real_servers[rs_slot];
  const Mode mode = view.snapshot.services[server.service].mode;
  record.tuple[0] = from_client;
  record.tuple[1] = {server.address, from_client.src, server.port_for(from_client.dport),
                     from_client.sport};
  if (mode == Mode::kNat) {
    const Deltas delta = deltas(record.tuple[0], record.tuple[1].reversed());
    record.ip_delta = delta.ip;
    record.l4_delta = delta.l4;
  }
  record.rs = rs_slot;
  record.service = server.service;
  record.proto = kProtoUdp;
  record.mode = static_cast<std::uint8_t>(mode);
}

// From a client, to whichever server it is the turn of.
Pipeline::Owner Pipeline::send_alone(Packet& packet, std::uint32_t service_slot, const View& view) {
  const ServiceEntry& service = view.snapshot.services[service_slot];
  const std::uint32_t rs_slot =
      scheduler_.pick(service, service_slot, packet.tuple, load_, Filter({}));
  if (rs_slot == kNoSlot) {
    refuse(packet, service, view);
    return {};
  }
  if (service.mode == Mode::kNat) {
    view.snapshot.client_ways->learn(
        packet.tuple.src, ClientHop::back(packet.data, packet.vlan, packet.ingress), view.now);
  }
  Record alone;
  describe(alone, packet.tuple, rs_slot, view);
  counters_.real_servers[rs_slot].connections.add(1);
  forward(packet, alone, 0, view);
  return {.alone = rs_slot};
}

// The real server whose answer this is to a client, who is described in `record`; kNoSlot: it is
// none. For the director's own checks of its servers the kernel waits.
std::uint32_t Pipeline::answerer(const FlowTuple& from_server, const View& view, Record& record) {
  const std::uint32_t rs_slot = view.snapshot.find_answerer(from_server.src, from_server.sport);
  if (rs_slot == kNoSlot || view.snapshot.is_own(from_server.dst)) return kNoSlot;
  const auto way = view.snapshot.client_ways->find(from_server.dst);
  if (!way) return kNoSlot;
  const ServiceEntry& service = view.snapshot.services[view.real_servers[rs_slot].service];
  describe(record, {from_server.dst, service.address, from_server.dport, service.port}, rs_slot,
           view);
  record.client_hop.store(way->word, std::memory_order_relaxed);
  return rs_slot;
}

// A datagram of no connection and to no service.
Pipeline::Owner Pipeline::answer_alone(Packet& packet, const View& view) {
  Record alone;
  const std::uint32_t rs_slot = answerer(packet.tuple, view, alone);
  if (rs_slot == kNoSlot) {
    packet.verdict = Verdict::kPunt;
    return {};
  }
  forward(packet, alone, 1, view);
  return {.dir = 1, .alone = rs_slot};
}

// A later fragment follows its first one.
void Pipeline::fragment_alone(Packet& packet, const FragmentDecision& first, const View& view) {
  const std::uint32_t rs_slot = first.record;
  const RealServerEntry& server = view.real_servers[rs_slot];
  const ServiceEntry& service = view.snapshot.services[first.generation];
  // The configuration may be another one by now.
  const bool still = server.service == first.generation && service.one_packet;
  Record alone;
  if (still && first.dir == 0) {
    describe(alone, packet.tuple, rs_slot, view);
    return forward_later_fragment(packet, alone, 0, view);
  }
  if (still && service.mode == Mode::kNat && server.address == packet.tuple.src) {
    if (const auto way = view.snapshot.client_ways->find(packet.tuple.dst)) {
      describe(alone, {packet.tuple.dst, service.address, {}, {}}, rs_slot, view);
      alone.client_hop.store(way->word, std::memory_order_relaxed);
      return forward_later_fragment(packet, alone, 1, view);
    }
  }
  drop(packet, DropReason::fragment_timeout);
}

}  // namespace lb
