#include "dataplane/forward/pipeline.h"

#include <cstring>

#include "dataplane/forward/tcp_progress.h"
#include "dataplane/forward/tcp_state.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rewrite.h"
#include "dataplane/packet/tcp_segment.h"

namespace lb {

namespace {

constexpr std::uint32_t kAnswersPerSecond = 10'000;
constexpr std::uint8_t kCodeFragmentationNeeded = 4;

// The MAC address of a port as the first six bytes of a frame are loaded.
class StationFilter {
 public:
  explicit StationFilter(const Snapshot& snapshot) : snapshot_(snapshot) {}
  // Unicast to a MAC address that is not the port's: a switch floods such frames, and a second
  // director on the segment would otherwise forward them as well.
  bool is_for_other(const Packet& packet) {
    if (packet.len < wire::kEthBytes) return false;
    if (packet.ingress != port_) [[unlikely]] {
      port_ = packet.ingress;
      mac_ = 0;
      std::memcpy(&mac_, snapshot_.ports[packet.ingress].mac.data(), wire::kMacBytes);
    }
    const std::uint64_t to = wire::load<std::uint64_t>(packet.data) & kMacMask;
    return to != mac_ && (to & 1) == 0;
  }

 private:
  static constexpr std::uint64_t kMacMask = (std::uint64_t{1} << 48) - 1;
  static constexpr unsigned kNone = ~0U;
  const Snapshot& snapshot_;
  unsigned port_ = kNone;  // whose address mac_ is: nearly always one port's through a burst
  std::uint64_t mac_ = 0;
};

// Acquire: the index's word is there.
ClientHop hop_of(const Record& record, const std::atomic<std::uint64_t>* hops) {
  return {hops[record.client_hop.load(std::memory_order_acquire)].load(std::memory_order_relaxed)};
}

bool routable(const Packet& packet, std::uint16_t mtu) {
  return ttl(packet) > 1 && packet.ip_len <= mtu;
}

// Of an established connection: the packet's sequence number is not where this direction was, as
// far as that is kept. Of one that is busy it is so once in 256 KB.
bool has_moved(const Record& record, unsigned dir, const Packet& packet) {
  return record.seq[dir].load(std::memory_order_relaxed) !=
         Progress::at(tcp_sequence(packet)).word();
}

// Seldom.
[[gnu::noinline]] void parse_uncommon(Packet& packet, const Snapshot& snapshot) {
  parse(packet);
  if (packet.kind == PacketKind::kBad) return;
  const bool has_vlan = snapshot.policies[packet.ingress].has_vlan(packet.vlan);
  packet.reason = has_vlan ? source_fault(packet) : DropReason::unknown_vlan;
  if (packet.reason != DropReason::none) packet.kind = PacketKind::kBad;
}

}  // namespace

Pipeline::Pipeline(unsigned worker, unsigned workers, const Shared& shared,
                   WorkerCounters& counters, ChangeLog* log)
    : worker_(worker),
      table_(shared.table),
      fragments_(shared.fragments),
      load_(shared.load),
      persist_(shared.persist),
      thresholds_(shared.thresholds),
      down_ports_(shared.down_ports),
      counters_(counters),
      conns_(worker, shared.table, shared.load, counters, log),
      scheduler_(worker, workers),
      answers_(kAnswersPerSecond),
      syn_secrets_(shared.syn_secrets),
      server_down_walk_(conns_),
      flush_walk_(conns_, shared.flush),
      persistence_keeper_(conns_, shared.persist, worker == 0),
      hop_keeper_(shared.table),
      importer_(conns_, shared.table, shared.persist, counters) {
  released_.reserve(kBurst);
  segments_.reserve(kBurst);
}

namespace {
bool is_nat(const Record& record) {
  return mode_of(record) == Mode::kNat;
}
bool is_nat(const Path& path) {
  return path.mode == Mode::kNat;
}
}  // namespace

// `flow` is a Record or a Path.
template <bool kHasL4, typename Flow>
[[gnu::always_inline]] inline void Pipeline::send_to_server(Packet& packet, const Flow& flow,
                                                            const NextHop& hop,
                                                            RealServerCounters& count,
                                                            const View view) {
  if (!hop.resolved()) [[unlikely]]
    return deliver_without_hop(packet, hop, count, view.snapshot);
  const std::uint16_t ip_len = packet.ip_len;
  if (is_nat(flow)) {
    if (!routable(packet, hop.mtu) && !pass_router_checks(packet, hop.mtu, view)) return;
    rewrite_nat(packet, flow.tuple[1].reversed(), flow.deltas, kHasL4);
  }
  set_next_hop(packet, hop);
  packet.egress = hop.port;
  count.packets_in.add(1);
  count.bytes_in.add(ip_len);
}

template <bool kHasL4, typename Flow>
[[gnu::always_inline]] inline void Pipeline::send_to_client(Packet& packet, const Flow& flow,
                                                            const ClientHop hop,
                                                            RealServerCounters& count,
                                                            const View view) {
  const PortInfo& port = view.ports[hop.port()];
  const std::uint16_t ip_len = packet.ip_len;
  if (!routable(packet, port.mtu) && !pass_router_checks(packet, port.mtu, view)) return;
  rewrite_nat(packet, flow.tuple[0].reversed(), flow.deltas.reversed(), kHasL4);
  set_client_hop(packet, hop, port.mac.data());
  packet.egress = hop.port();
  count.packets_out.add(1);
  count.bytes_out.add(ip_len);
}

// The view is a copy: what no call outside the fast loop can reach, the compiler keeps in
// registers. With kTouch the packet keeps the connection alive, unless it is refused here.
template <bool kHasL4, bool kTouch>
[[gnu::always_inline]] inline void Pipeline::forward_as(Packet& packet, Record& record,
                                                        unsigned dir, const View view) {
  packet.verdict = Verdict::kForward;
  if (dir == 0) {
    const ClientHop hop = ClientHop::back(packet.data, packet.vlan, packet.ingress);
    if (hop_of(record, view.hops) != hop && !follow_client(packet, record, hop, view.snapshot))
        [[unlikely]]
      return;
    if constexpr (kTouch) touch(record, view.now);
    send_to_server<kHasL4>(packet, record, view.real_servers[record.rs].next_hop,
                           view.counters[record.rs], view);
  } else {
    // From where packets to the server go, as nearly always.
    if (Place::of(packet) != view.real_servers[record.rs].place &&
        !pass_ingress(packet, {&record, 1}, view.snapshot)) [[unlikely]]
      return;
    if constexpr (kTouch) touch(record, view.now);
    send_to_client<kHasL4>(packet, record, hop_of(record, view.hops), view.counters[record.rs],
                           view);
  }
}

// Whether a packet needs nothing but forwarding. UDP first: it pays nothing for what TCP needs.
[[gnu::always_inline]] inline bool Pipeline::is_steady(const Packet& packet, const Hit& hit,
                                                       const View& view) {
  // Acquire: pairs with the release in publish and change_state; a steady state implies a whole
  // record.
  const ConnState state = hit.record->state.load(std::memory_order_acquire);
  if (state == ConnState::kUdp) return true;
  // Of a client whom no server has answered, or need not: all but what changes that.
  if (state != ConnState::kEstablished) {
    return state == ConnState::kUdpUnanswered && hit.dir == 0 && hit.record->keys == 2;
  }
  if (has_moved(*hit.record, hit.dir, packet)) [[unlikely]]
    return follow_steady(packet, *hit.record, hit.dir, view);
  return true;
}

void Pipeline::process(std::span<Packet> burst, const Snapshot& snapshot, std::uint32_t now) {
  const View view{snapshot,
                  now,
                  snapshot.real_servers.data(),
                  snapshot.ports.data(),
                  counters_.real_servers.get(),
                  table_.hops().words()};
  const View steady = view;
  std::array<std::uint64_t, kBurst> slots;
  std::array<std::uint8_t, kBurst> lookups;
  std::array<std::uint8_t, kBurst> side;
  unsigned n_lookups = 0;
  unsigned n_side = 0;

  StationFilter station(snapshot);
  for (unsigned i = 0; i < burst.size(); ++i) {
    Packet& p = burst[i];
    if (station.is_for_other(p)) {
      drop(p, DropReason::other_station);
      continue;
    }
    if (!parse_common(p)) [[unlikely]]
      parse_uncommon(p, snapshot);
    switch (p.kind) {
      case PacketKind::kData:
      case PacketKind::kTcpControl:
        p.hash = table_.hash(p.tuple, p.proto);
        table_.prefetch(p.hash);
        lookups[n_lookups++] = static_cast<std::uint8_t>(i);
        break;
      case PacketKind::kFragment:
      case PacketKind::kIcmpError:
        side[n_side++] = static_cast<std::uint8_t>(i);
        break;
      case PacketKind::kKernel:
        punt(p, snapshot);
        break;
      case PacketKind::kBad:
        drop(p, p.reason);
        break;
    }
  }

  for (unsigned k = 0; k < n_lookups; ++k) {
    slots[k] = table_.probe(burst[lookups[k]].hash);
    table_.prefetch_record(slots[k]);
  }

  std::array<std::uint8_t, kBurst> misses;
  unsigned n_misses = 0;
  for (unsigned k = 0; k < n_lookups; ++k) {
    Packet& p = burst[lookups[k]];
    const Hit hit = table_.find(slots[k], p.tuple, p.proto, p.hash);
    if (hit && p.kind == PacketKind::kData && is_steady(p, hit, view) &&
        !steady.real_servers[hit.record->rs].reset) [[likely]] {
      forward_as<true, true>(p, *hit.record, hit.dir, steady);
    } else {
      side[n_side++] = lookups[k];
      if (!hit) misses[n_misses++] = lookups[k];
    }
  }
  if (n_misses > 1) expect_connections(burst, {misses.data(), n_misses}, view);

  for (unsigned k = 0; k < n_side; ++k) {
    Packet& p = burst[side[k]];
    if (p.kind == PacketKind::kFragment) {
      fragment(p, view);
    } else if (p.kind == PacketKind::kIcmpError) {
      icmp_error(p, view);
    } else {
      side_path(p, view);
    }
  }
}

// Everything that is not a steady connection's data: looked up again, because an earlier packet in
// the same burst may have opened or ended its connection.
Pipeline::Owner Pipeline::side_path(Packet& packet, const View& view) {
  const Hit hit = table_.find(packet.tuple, packet.proto, packet.hash);
  if (!hit) return open_connection(packet, view);
  if (!pass_ingress(packet, hit, view.snapshot)) return {};
  Record& record = *hit.record;
  if (view.snapshot.real_servers[record.rs].reset)
    return server_down(packet, record, hit.dir, view);
  if (is_proxied(record)) return proxied(packet, record, hit.dir, view);
  if (packet.proto == kProtoTcp) {
    const auto followed =
        conns_.follow_tcp(tcp_segment(packet), record, hit.dir, view.snapshot, view.now);
    if (followed == Connections::Followed::kNew) return open_connection(packet, view);
    // The server decides about a new connection on one that is over, but the gate comes before it.
    if (is_opening(packet.tcp_flags) && hit.dir == 0 && is_over(record) &&
        !pass_gate(packet, view.snapshot.services[record.service], view)) {
      return {};
    }
    // Strangers do not keep a connection that is over.
    if (followed == Connections::Followed::kOn) touch(record, view.now);
  } else {
    conns_.follow_udp(record, hit.dir);
    touch(record, view.now);
  }
  forward(packet, record, hit.dir, view);
  return {&record, hit.dir};
}

// Apart from the fast loop: seldom. False: the packet needs more, always so when it is a proxied
// connection's (kProxied).
[[gnu::noinline]] bool Pipeline::follow_steady(const Packet& packet, Record& record, unsigned dir,
                                               const View& view) {
  if (is_proxied(record)) return false;
  // Which forward_as() drops.
  if (ingress_fault(packet, {&record, dir}, view.snapshot) != DropReason::none) return true;
  conns_.follow_tcp(tcp_segment(packet), record, dir, view.snapshot, view.now);
  return true;
}

void Pipeline::forward(Packet& packet, Record& record, unsigned dir, const View& view) {
  forward_as<true, false>(packet, record, dir, view);
}

// A segment of our own, made of one of the server's, in the client's name.
void Pipeline::forward_in_clients_name(Packet& packet, const Record& record, const View& view) {
  packet.verdict = Verdict::kForward;
  send_to_server<true>(packet, record, view.real_servers[record.rs].next_hop,
                       view.counters[record.rs], view);
}

void Pipeline::forward_later_fragment(Packet& packet, Record& record, unsigned dir,
                                      const View& view) {
  // Of what is over strangers know nothing more by a later fragment than by the first one.
  if (!is_over(record)) touch(record, view.now);
  forward_as<false, false>(packet, record, dir, view);
}

// A datagram without a connection, whole or any fragment of it, from a client.
void Pipeline::forward_stateless(Packet& packet, std::uint32_t rs_slot, const Path& path,
                                 const View& view) {
  packet.verdict = Verdict::kForward;
  RealServerCounters& count = view.counters[rs_slot];
  if (has_l4(packet)) {
    send_to_server<true>(packet, path, *path.next_hop, count, view);
  } else {
    send_to_server<false>(packet, path, *path.next_hop, count, view);
  }
}

// Likewise, from a real server.
void Pipeline::reply_stateless(Packet& packet, const Reply& reply, const View& view) {
  packet.verdict = Verdict::kForward;
  RealServerCounters& count = view.counters[reply.rs];
  const RealServerEntry& server = view.real_servers[reply.rs];
  const Path path =
      make_path(reply.from_client, server, view.snapshot.services[server.service].mode);
  if (has_l4(packet)) {
    send_to_client<true>(packet, path, reply.client_hop, count, view);
  } else {
    send_to_client<false>(packet, path, reply.client_hop, count, view);
  }
}

// To a server that is the director itself, whose kernel gets the packet as it is and sends the replies. Of
// any other server the MAC address is not known yet. Apart from the fast loop: seldom.
[[gnu::noinline]] void Pipeline::deliver_without_hop(Packet& packet, const NextHop& hop,
                                                     RealServerCounters& count,
                                                     const Snapshot& snapshot) {
  if (!hop.local) return drop(packet, DropReason::next_hop_unresolved);
  if (!pass_source(packet, snapshot)) return;
  packet.verdict = Verdict::kLocal;
  count.packets_in.add(1);
  count.bytes_in.add(packet.ip_len);
}

// NAT mode routes: TTL and MTU hold (RFC 1812 5.3.1, 4.2.2.7). For a packet that is not simply
// routable(). False: it was dropped or answered.
bool Pipeline::pass_router_checks(Packet& packet, std::uint16_t mtu, const View& view) {
  const PortInfo& in = view.snapshot.ports[packet.ingress];
  if (ttl(packet) <= 1) {
    answer_or_drop(packet, DropReason::ttl_expired,
                   may_answer(view) && make_icmp_error(packet, wire::kTimeExceeded, 0, 0,
                                                       in.address_on(packet.vlan)));
    return false;
  }
  if (!dont_fragment(packet)) {
    packet.verdict = Verdict::kFragment;
    return true;
  }
  answer_or_drop(
      packet, DropReason::mtu_exceeded,
      may_answer(view) && make_icmp_error(packet, wire::kUnreachable, kCodeFragmentationNeeded, mtu,
                                          in.address_on(packet.vlan)));
  return false;
}

void Pipeline::drop(Packet& packet, DropReason reason) {
  packet.verdict = Verdict::kDrop;
  packet.reason = reason;
  counters_.drop(reason);
}

// To the kernel, if it may come from where it says.
void Pipeline::punt(Packet& packet, const Snapshot& snapshot) {
  if (pass_source(packet, snapshot)) packet.verdict = Verdict::kPunt;
}

// The packet ends here under `reason`; if it was turned into an answer, that goes back where it
// came from.
void Pipeline::answer_or_drop(Packet& packet, DropReason reason, bool answered) {
  drop(packet, reason);
  if (!answered) return;
  packet.verdict = Verdict::kAnswer;
  packet.egress = packet.ingress;
}

bool Pipeline::may_answer(const View& view) {
  return answers_.take(view.now);
}

}  // namespace lb
