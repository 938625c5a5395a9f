#include "dataplane/forward/pipeline.h"

#include <cstring>

#include "dataplane/packet/parse.h"
#include "dataplane/packet/rewrite.h"

namespace lb {

namespace {

constexpr std::uint32_t kAnswersPerSecond = 10'000;
constexpr std::uint8_t kCodeFragmentationNeeded = 4;

// Unicast to a MAC address that is not the port's: a switch floods such frames, and a second
// director on the segment would otherwise forward them as well.
bool is_for_other_station(const Packet& packet, const PortInfo& port) {
  if (packet.len < 6 || (packet.data[0] & 1) != 0) return false;
  return std::memcmp(packet.data, port.mac.data(), port.mac.size()) != 0;
}

// Written only when the tick changed: the record's line stays clean for the other worker meanwhile.
void touch(Record& record, std::uint32_t now) {
  if (record.last_seen.load(std::memory_order_relaxed) != now) {
    record.last_seen.store(now, std::memory_order_relaxed);
  }
}

void learn_client_hop(Record& record, const Packet& packet) {
  const ClientHop hop = ClientHop::make(packet.data + 6, packet.vlan, packet.ingress);
  // Relaxed: the word stands for itself, nothing else is published with it.
  if (record.client_hop.load(std::memory_order_relaxed) != hop.word) {
    record.client_hop.store(hop.word, std::memory_order_relaxed);
  }
}

// Whose packets need nothing but forwarding.
bool is_steady(ConnState state) {
  return state == ConnState::kEstablished || state == ConnState::kUdp;
}

}  // namespace

Pipeline::Pipeline(unsigned worker, unsigned workers, const Shared& shared,
                   WorkerCounters& counters)
    : worker_(worker),
      table_(shared.table),
      fragments_(shared.fragments),
      load_(shared.load),
      counters_(counters),
      scheduler_(worker, workers),
      answers_(kAnswersPerSecond) {
  released_.reserve(kBurst);
}

void Pipeline::process(std::span<Packet> burst, const Snapshot& snapshot, std::uint32_t now) {
  const View view{snapshot, now};
  std::array<std::uint64_t, kBurst> slots;
  std::array<std::uint8_t, kBurst> lookups;
  std::array<std::uint8_t, kBurst> side;
  unsigned n_lookups = 0;
  unsigned n_side = 0;

  for (unsigned i = 0; i < burst.size(); ++i) {
    Packet& p = burst[i];
    if (is_for_other_station(p, snapshot.ports[p.ingress])) {
      drop(p, DropReason::other_station);
      continue;
    }
    parse(p);
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
        p.verdict = Verdict::kPunt;
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

  for (unsigned k = 0; k < n_lookups; ++k) {
    Packet& p = burst[lookups[k]];
    const Hit hit = table_.find(slots[k], p.tuple, p.proto, p.hash);
    // Acquire: pairs with the release in publish and change_state; a steady state implies a whole
    // record.
    if (hit && p.kind == PacketKind::kData &&
        is_steady(hit.record->state.load(std::memory_order_acquire)) &&
        !snapshot.real_servers[hit.record->rs].reset) [[likely]] {
      forward(p, *hit.record, hit.dir, view);
    } else {
      side[n_side++] = lookups[k];
    }
  }

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

// Everything that is not a steady connection's data: looked up again, because a packet before it in
// the same burst may have opened or ended its connection.
Pipeline::Owner Pipeline::side_path(Packet& packet, const View& view) {
  const Hit hit = table_.find(packet.tuple, packet.proto, packet.hash);
  if (!hit) return open_connection(packet, view);
  Record& record = *hit.record;
  if (view.snapshot.real_servers[record.rs].reset)
    return server_down(packet, record, hit.dir, view);
  if (packet.proto == kProtoTcp && !follow_tcp(packet, record, hit.dir, view))
    return open_connection(packet, view);
  forward(packet, record, hit.dir, view);
  return {&record, hit.dir};
}

void Pipeline::forward(Packet& packet, Record& record, unsigned dir, const View& view) {
  touch(record, view.now);
  if (dir == 0) {
    learn_client_hop(record, packet);
    send_to_server(packet, record, view, true);
  } else {
    send_to_client(packet, record, view, true);
  }
}

void Pipeline::send_to_server(Packet& packet, Record& record, const View& view, bool has_l4) {
  const NextHop& hop = view.snapshot.real_servers[record.rs].next_hop;
  if (!hop.resolved()) return drop(packet, DropReason::next_hop_unresolved);
  const std::uint16_t ip_len = packet.ip_len;
  packet.verdict = Verdict::kForward;
  if (static_cast<Mode>(record.mode) == Mode::kNat) {
    if (!pass_router_checks(packet, hop.mtu, view)) return;
    rewrite_nat(packet, record.tuple[1].reversed(), {record.ip_delta, record.l4_delta}, has_l4);
  }
  set_next_hop(packet, hop);
  packet.egress = hop.port;
  RealServerCounters& count = counters_.real_servers[record.rs];
  count.packets_in.add(1);
  count.bytes_in.add(ip_len);
}

void Pipeline::send_to_client(Packet& packet, Record& record, const View& view, bool has_l4) {
  const ClientHop hop{record.client_hop.load(std::memory_order_relaxed)};
  const PortInfo& port = view.snapshot.ports[hop.port()];
  const std::uint16_t ip_len = packet.ip_len;
  packet.verdict = Verdict::kForward;
  if (!pass_router_checks(packet, port.mtu, view)) return;
  rewrite_nat(
      packet, record.tuple[0].reversed(),
      {static_cast<std::uint16_t>(~record.ip_delta), static_cast<std::uint16_t>(~record.l4_delta)},
      has_l4);
  set_client_hop(packet, hop, port.mac.data());
  packet.egress = hop.port();
  RealServerCounters& count = counters_.real_servers[record.rs];
  count.packets_out.add(1);
  count.bytes_out.add(ip_len);
}

// NAT mode routes: TTL and MTU hold (RFC 1812 5.3.1, 4.2.2.7). False: the packet was dropped or
// answered.
bool Pipeline::pass_router_checks(Packet& packet, std::uint16_t mtu, const View& view) {
  const PortInfo& in = view.snapshot.ports[packet.ingress];
  if (ttl(packet) <= 1) [[unlikely]] {
    answer_or_drop(packet, DropReason::ttl_expired,
                   may_answer(view) && make_icmp_error(packet, wire::kTimeExceeded, 0, 0,
                                                       in.address_on(packet.vlan)));
    return false;
  }
  if (packet.ip_len > mtu) [[unlikely]] {
    if (!dont_fragment(packet)) {
      packet.verdict = Verdict::kFragment;
      return true;
    }
    answer_or_drop(
        packet, DropReason::mtu_exceeded,
        may_answer(view) && make_icmp_error(packet, wire::kUnreachable, kCodeFragmentationNeeded,
                                            mtu, in.address_on(packet.vlan)));
    return false;
  }
  return true;
}

void Pipeline::drop(Packet& packet, DropReason reason) {
  packet.verdict = Verdict::kDrop;
  packet.reason = reason;
  counters_.drop(reason);
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
