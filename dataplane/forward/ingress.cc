// In whose name a packet may come in, and which packets may lead a connection's replies elsewhere.
// docs/ingress-checks.md is for operators.
#include "dataplane/forward/pipeline.h"
#include "dataplane/forward/tcp_progress.h"
#include "dataplane/forward/tcp_state.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/tcp_segment.h"

namespace lb {

namespace {

bool is_strict(const IngressPolicy& policy) {
  return policy.anti_spoof == AntiSpoof::kStrict;
}

// Whether a segment in the client's name is the connection's, as far as its numbers are known; in DR
// mode they are the client's alone. Of what is over, a SYN opens another one.
bool is_credible(const TcpSegment& segment, const Record& record) {
  const ConnState state = record.state.load(std::memory_order_relaxed);
  if (is_opening(segment.flags) && (state == ConnState::kTimeWait || state == ConnState::kClosed)) {
    return true;
  }
  const Progress client = progress_of(record, 0);
  const Progress server = progress_of(record, 1);
  return client.admits(segment) && !(segment.has(wire::kAck) && server.contradicts(segment.ack));
}

}  // namespace

// Whether a real server's packets may come in where this one did.
bool Pipeline::is_from_server(const Packet& packet, const RealServerEntry& server,
                              const Snapshot& snapshot) {
  const Place place = Place::of(packet);
  return place == server.place || server.place == Place::none() ||
         snapshot.policies[packet.ingress].anti_spoof == AntiSpoof::kOff ||
         snapshot.source_routes.lead(server.address, place);
}

// By its source alone, of a packet that no connection vouches for: `none`, or why it is refused. What
// is not IPv4 has the source 0.0.0.0, and so has a machine without an address.
DropReason Pipeline::source_refusal(const Packet& packet, const Snapshot& snapshot) {
  const IngressPolicy& policy = snapshot.policies[packet.ingress];
  const Be32 source = packet.tuple.src;
  if (policy.anti_spoof == AntiSpoof::kOff || source.raw == 0) return DropReason::none;
  const std::uint32_t rs_slot = snapshot.find_server(source);
  if (snapshot.is_held(source)) {
    // The owner of an address that this director has meanwhile announces itself by it, and VRRP
    // decides which of them keeps it (RFC 9568 section 6.4.3).
    return packet.proto == kProtoVrrp ? DropReason::none : DropReason::spoofed_source;
  }
  if (rs_slot != kNoSlot) {
    const bool at_home = is_from_server(packet, snapshot.real_servers[rs_slot], snapshot);
    return at_home ? DropReason::none : DropReason::spoofed_server;
  }
  const bool has_route =
      !is_strict(policy) || snapshot.source_routes.lead(source, Place::of(packet));
  return has_route ? DropReason::none : DropReason::reverse_path;
}

// False: it was dropped.
bool Pipeline::pass_source(Packet& packet, const Snapshot& snapshot) {
  const DropReason fault = source_refusal(packet, snapshot);
  if (fault == DropReason::none) return true;
  drop(packet, fault);
  return false;
}

// Of a packet that a connection was found for, before it may change that.
DropReason Pipeline::ingress_fault(const Packet& packet, const Hit& hit,
                                   const Snapshot& snapshot) const {
  if (hit.dir == 1) {
    const bool at_home = is_from_server(packet, snapshot.real_servers[hit.record->rs], snapshot);
    return at_home ? DropReason::none : DropReason::spoofed_server;
  }
  const ClientHop before = conns_.client_hop(*hit.record);
  if (before == ClientHop::back(packet.data, packet.vlan, packet.ingress)) return DropReason::none;
  if (const DropReason fault = source_fault(packet); fault != DropReason::none) return fault;
  const bool may_come =
      before.place() == Place::of(packet) || !is_strict(snapshot.policies[packet.ingress]);
  return may_come ? DropReason::none : source_refusal(packet, snapshot);
}

// False: it was dropped.
bool Pipeline::pass_ingress(Packet& packet, const Hit& hit, const Snapshot& snapshot) {
  const DropReason fault = ingress_fault(packet, hit, snapshot);
  if (fault == DropReason::none) return true;
  drop(packet, fault);
  return false;
}

// Whether replies to a client may be led to another port or VLAN by what comes in there: nobody can
// send in its name from a place that has nothing to do with it.
bool Pipeline::may_move(Be32 client, ClientHop from, ClientHop to, const Snapshot& snapshot) const {
  // Relaxed: says nothing about other memory.
  const std::uint32_t down_ports = down_ports_.load(std::memory_order_relaxed);
  return snapshot.policies[to.port()].clients_from_other_ports ||
         (down_ports >> from.port() & 1) != 0 || snapshot.source_routes.lead(client, to.place());
}

// A packet in the client's name comes another way than its connection's replies go: the client's
// router has another MAC address now, or the packet was under way before that, or it is forged.
// False: it was dropped.
[[gnu::noinline]] bool Pipeline::follow_client(Packet& packet, Record& record, ClientHop hop,
                                               const Snapshot& snapshot) {
  if (!pass_ingress(packet, {&record, 0}, snapshot)) return false;
  const ClientHop before = conns_.client_hop(record);
  if (before.place() != hop.place() && !may_move(record.tuple[0].src, before, hop, snapshot)) {
    return true;
  }
  // The first fragment has decided.
  if (!has_l4(packet)) return true;
  if (packet.proto == kProtoTcp && !is_credible(tcp_segment(packet), record)) return true;
  const std::uint32_t index = table_.hops().look_up(hop);
  if (index == HopTable::kNone) {
    counters_.client_hops_kept.add(1);
  } else {
    // Release: pairs with hop_of().
    record.client_hop.store(index, std::memory_order_release);
  }
  return true;
}

// The same for a service without connections, whose return paths have no life time: one that a route
// does not lead to either is replaced by the next packet. False: there is no room for the hop.
bool Pipeline::follow_return_path(const Packet& packet, const View& view) {
  const Be32 client = packet.tuple.src;
  const ClientHop hop = ClientHop::back(packet.data, packet.vlan, packet.ingress);
  ReturnPaths& paths = *view.snapshot.return_paths;
  if (const std::uint32_t known = paths.find(client); known != HopTable::kNone) {
    const ClientHop before = table_.hops().at(known);
    if (before.place() != hop.place() && !may_move(client, before, hop, view.snapshot) &&
        view.snapshot.source_routes.lead(client, before.place())) {
      return true;
    }
  }
  return paths.learn(client, hop, view.now, table_.hops());
}

}  // namespace lb
