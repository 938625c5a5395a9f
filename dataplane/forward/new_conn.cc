// The first packet of a connection: service, real server, record.
#include "dataplane/forward/path.h"
#include "dataplane/forward/pipeline.h"
#include "dataplane/forward/tcp_state.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rewrite.h"
#include "dataplane/packet/wire.h"

namespace lb {

namespace {
constexpr std::uint8_t kCodePortUnreachable = 3;
// A client that reaches two VIPs from one port cannot be sent to one real server's port for both:
// the answers would look the same. Another server will do; so many are tried.
constexpr unsigned kPicks = 4;
constexpr std::uint32_t kQuietTicks = 10;  // a second

// A segment that may be the client's answer to a SYN-ACK with a cookie.
bool may_have_cookie(const Packet& packet) {
  constexpr std::uint8_t kOther = wire::kSyn | wire::kRst;
  return packet.proto == kProtoTcp && packet.kind != PacketKind::kFragment &&
         (packet.tcp_flags & (wire::kAck | kOther)) == wire::kAck;
}

bool answers_syns(const ServiceEntry& service) {
  return service.cookies() != nullptr && service.cookies()->is_active();
}

bool another_may_do(DropReason reason) {
  return reason == DropReason::reply_tuple_taken || reason == DropReason::real_servers_full;
}
}  // namespace

// A new connection with a reverse key needs the bucket of a key that only the choice of its real
// server makes known. The choice is guessed, so that the buckets of a whole burst come into the
// cache together; a wrong guess costs time and nothing else.
void Pipeline::expect_connections(std::span<const Packet> burst,
                                  std::span<const std::uint8_t> misses, const View& view) {
  std::uint32_t last_slot = kNoSlot;
  const Packet* last = nullptr;  // nearly always to the same service as the next one
  std::size_t ahead = 0;
  for (const std::uint8_t i : misses) {
    const Packet& packet = burst[i];
    if (packet.proto == kProtoTcp && !is_opening(packet.tcp_flags)) continue;
    const bool same = last != nullptr && packet.tuple.dst == last->tuple.dst &&
                      packet.tuple.dport == last->tuple.dport && packet.proto == last->proto;
    last = &packet;
    const std::uint32_t service_slot =
        same ? last_slot
             : view.snapshot.find_service(packet.tuple.dst, packet.tuple.dport, packet.proto);
    ahead = service_slot == last_slot ? ahead + 1 : 0;
    last_slot = service_slot;
    if (service_slot == kNoSlot) continue;
    const ServiceEntry& service = view.snapshot.services[service_slot];
    if (!has_reverse_key(service.mode) || service.persistence.ticks != 0 || service.one_packet ||
        answers_syns(service)) {
      continue;
    }
    const std::uint32_t rs_slot = scheduler_.peek(service, service_slot, packet.tuple, ahead);
    if (rs_slot == kNoSlot) continue;
    const RealServerEntry& server = view.real_servers[rs_slot];
    const FlowTuple reverse =
        reverse_key(packet.tuple, server, server.port_for(packet.tuple.dport));
    table_.prefetch_for_write(table_.hash(reverse, packet.proto));
  }
}

// Whether a segment without a connection may belong to one that is not synchronized yet: the
// handshake went through the old master before the addresses moved. The sender repeats it.
bool Pipeline::may_be_synchronized_soon(std::uint32_t service_slot, const View& view) {
  if (takeovers_ != view.snapshot.takeovers) {
    takeovers_ = view.snapshot.takeovers;
    quiet_until_ = view.now + kQuietTicks;
  }
  return view.snapshot.services[service_slot].standby || is_later(quiet_until_, view.now);
}

// Services without limits do not read counts.
Filter Pipeline::choice_of(const ServiceEntry& service, std::span<const std::uint32_t> without,
                           const View& view) {
  return service.limited ? Filter(without, thresholds_, view.real_servers) : Filter(without);
}

// A new connection without a server.
void Pipeline::refuse(const Opening& opening, const View& view) {
  Packet& packet = opening.packet;
  // Not answered: the client sends again, and a place may be free by then.
  if (!view.snapshot.services[opening.service_slot].candidates.empty()) {
    return drop(packet, DropReason::real_servers_full);
  }
  // A client that has its SYN-ACK does not believe ICMP.
  const bool is_open = opening.proxied != nullptr;
  answer_or_drop(
      packet, DropReason::no_real_server,
      may_answer(view) && (is_open ? make_reset(packet)
                                   : make_icmp_error(packet, wire::kUnreachable,
                                                     kCodePortUnreachable, 0, packet.tuple.dst)));
}

Pipeline::Owner Pipeline::open_connection(Packet& packet, const View& view) {
  if (const DropReason fault = source_fault(packet); fault != DropReason::none) [[unlikely]] {
    drop(packet, fault);
    return {};
  }
  const std::uint32_t service_slot =
      view.snapshot.find_service(packet.tuple.dst, packet.tuple.dport, packet.proto);
  const bool proves = service_slot != kNoSlot && may_have_cookie(packet) &&
                      view.snapshot.services[service_slot].cookies() != nullptr;
  const bool opens = proves || packet.proto != kProtoTcp || is_opening(packet.tcp_flags);
  if (service_slot != kNoSlot && !opens && may_be_synchronized_soon(service_slot, view)) {
    drop(packet, DropReason::taking_over);
    return {};
  }
  // A segment of no connection to a service goes to the kernel as well: it owns the VIP and answers
  // with a reset.
  if (service_slot == kNoSlot || !opens) {
    if (packet.proto == kProtoUdp && view.snapshot.return_paths != nullptr) {
      return reply_or_punt(packet, view);
    }
    punt(packet, view.snapshot);
    return {};
  }
  // The replies to its connection would be those to a health check of ours: the server's answers to
  // both look the same.
  if (view.snapshot.is_held(packet.tuple.src)) [[unlikely]] {
    drop(packet, DropReason::spoofed_source);
    return {};
  }
  if (view.snapshot.policies[packet.ingress].anti_spoof == AntiSpoof::kStrict &&
      !pass_source(packet, view.snapshot)) {
    return {};
  }
  if (proves) return open_proxied(packet, service_slot, view);
  const ServiceEntry& service = view.snapshot.services[service_slot];
  if (answers_syns(service)) {
    answer_syn(packet, service_slot, view);
    return {};
  }
  if (!pass_gate(packet, service, view)) return {};
  if (service.one_packet) [[unlikely]]
    return send_without_connection(packet, service_slot, view);
  const Hit hit = open({packet, service_slot}, view);
  if (!hit) return {};
  forward(packet, *hit.record, hit.dir, view);
  return {hit.record, hit.dir};
}

// Chooses a real server and makes the connection; without one the packet was dropped.
Hit Pipeline::open(const Opening& opening, const View& view) {
  Packet& packet = opening.packet;
  const std::uint32_t service_slot = opening.service_slot;
  const ServiceEntry& service = view.snapshot.services[service_slot];
  DropReason reason = DropReason::none;
  Hit hit;
  std::array<std::uint32_t, kPicks> tried;
  for (unsigned tries = 0; !hit && tries < kPicks; ++tries) {
    const std::span<const std::uint32_t> without{tried.data(), tries};
    const std::uint32_t rs_slot = service.persistence.ticks == 0
                                      ? scheduler_.pick(service, service_slot, packet.tuple, load_,
                                                        choice_of(service, without, view))
                                      : choose_persistent(packet, service_slot, without, view);
    if (rs_slot == kNoSlot && tries == 0) {
      refuse(opening, view);
      return {};
    }
    if (rs_slot == kNoSlot) break;
    tried[tries] = rs_slot;
    reason = create(opening, rs_slot, view, hit);
    if (!another_may_do(reason)) break;
  }
  if (!hit) {
    drop(packet, reason);
    return {};
  }
  if (service.persistence.ticks != 0) stay(packet, service_slot, hit.record->rs, view);
  return hit;
}

// The connection in `hit`, be it this one or the one that another worker made first; else why there
// is none.
[[gnu::always_inline]] inline DropReason Pipeline::create(const Opening& opening,
                                                          std::uint32_t rs_slot, const View& view,
                                                          Hit& hit) {
  const RealServerEntry& server = view.snapshot.real_servers[rs_slot];
  if (!server.next_hop.resolved() && !server.next_hop.local) return DropReason::next_hop_unresolved;
  if (server.max_connections == 0) [[likely]]
    return create_counted(opening, rs_slot, view, hit);
  if (!thresholds_.try_enter(rs_slot, server)) return DropReason::real_servers_full;
  const DropReason reason = create_counted(opening, rs_slot, view, hit);
  thresholds_.leave(rs_slot);
  return reason;
}

DropReason Pipeline::create_counted(const Opening& opening, std::uint32_t rs_slot, const View& view,
                                    Hit& hit) {
  const Packet& packet = opening.packet;
  const std::uint32_t service_slot = opening.service_slot;
  const RealServerEntry& server = view.snapshot.real_servers[rs_slot];
  const ConnState state =
      packet.proto == kProtoTcp ? ConnState::kSynSent : ConnState::kUdpUnanswered;

  NewConn conn = connection_on(make_path(packet.tuple, server, server.mode));
  conn.rs = rs_slot;
  conn.service = service_slot;
  conn.client_hop =
      table_.hops().look_up(ClientHop::back(packet.data, packet.vlan, packet.ingress));
  if (conn.client_hop == HopTable::kNone) return DropReason::hop_table_full;
  conn.proto = packet.proto;
  if (packet.proto == kProtoTcp) conn.seq[0] = Progress::at(tcp_sequence(packet)).word();
  std::uint32_t deadline = view.now + view.snapshot.timeouts().ticks(service_slot, state);
  if (opening.proxied != nullptr) [[unlikely]] {
    if (!table_.can_proxy()) return DropReason::table_full;
    conn.proxied = opening.proxied;
    deadline = Connections::first_repeat(view.now);
  }

  if (!conns_.has_room(service_slot, view.snapshot, view.now)) return DropReason::table_full;
  ConnTable::Created created = conns_.create(conn, packet.hash, state, view.now, deadline);
  // With room it lacks a free record: they come when all workers have passed a burst, and no sooner
  // when more connections end.
  if (created.full && table_.room() <= 0 && conns_.make_room(service_slot, view.now)) {
    created = conns_.create(conn, packet.hash, state, view.now, deadline);
  }
  // The client's port is free again: it has closed a connection of another service that had it.
  if (!created.hit && !created.full && packet.proto == kProtoTcp) [[unlikely]] {
    const Hit other =
        table_.find(conn.tuple[1], conn.proto, table_.hash(conn.tuple[1], conn.proto));
    if (other && conns_.end_if_over(*other.record)) {
      created = conns_.create(conn, packet.hash, state, view.now, deadline);
    }
  }
  hit = created.hit;
  if (!hit) return created.full ? DropReason::table_full : DropReason::reply_tuple_taken;
  if (!created.is_new) return DropReason::none;
  counters_.real_servers[rs_slot].connections.add(1);
  counters_.conns_created.add(1);
  return DropReason::none;
}

}  // namespace lb
