// ICMP errors about packets of our connections (RFC 792, RFC 5508 section 4), from either side.
//
// The quote is a packet that the director sent. Reversed, it is the key of the opposite direction.
#include "dataplane/forward/pipeline.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rewrite.h"

namespace lb {

void Pipeline::icmp_error(Packet& packet, const View& view) {
  IcmpQuote quote;
  if (!parse_icmp_quote(packet, quote)) {
    if (packet.reason != DropReason::none) return drop(packet, packet.reason);
    packet.verdict = Verdict::kPunt;
    return;
  }
  const FlowTuple key = quote.tuple.reversed();
  Hit hit = table_.find(key, quote.proto, table_.hash(key, quote.proto));
  Record alone;
  if (!hit && quote.proto == kProtoUdp && answerer(key, view, alone) != kNoSlot) hit = {&alone, 1};
  if (!hit) {
    packet.verdict = Verdict::kPunt;
    return;
  }
  Record& record = *hit.record;
  const RealServerEntry& server = view.snapshot.real_servers[record.rs];
  const bool is_nat = static_cast<Mode>(record.mode) == Mode::kNat;
  // Never answered when it cannot go on: no ICMP error about an ICMP error (RFC 1122 3.2.2).
  if (is_nat && ttl(packet) <= 1) return drop(packet, DropReason::ttl_expired);
  const std::uint16_t ip_len = packet.ip_len;
  RealServerCounters& count = counters_.real_servers[record.rs];
  packet.verdict = Verdict::kForward;

  if (hit.dir ==
      0) {  // from the client's side, about a packet of the server's: it is for the server
    if (!server.next_hop.resolved()) return drop(packet, DropReason::next_hop_unresolved);
    if (is_nat)
      rewrite_icmp_error(packet, quote, packet.tuple.src, server.address, record.tuple[1]);
    set_next_hop(packet, server.next_hop);
    packet.egress = server.next_hop.port;
    count.packets_in.add(1);
    count.bytes_in.add(ip_len);
    return;
  }

  // From the server's side, about a packet of the client's. The client knows the VIP only; a router
  // between keeps its name.
  const Be32 from = packet.tuple.src == server.address ? record.tuple[0].dst : packet.tuple.src;
  rewrite_icmp_error(packet, quote, from, record.tuple[0].src, record.tuple[0]);
  const ClientHop hop{record.client_hop.load(std::memory_order_relaxed)};
  set_client_hop(packet, hop, view.snapshot.ports[hop.port()].mac.data());
  packet.egress = hop.port();
  count.packets_out.add(1);
  count.bytes_out.add(ip_len);
}

}  // namespace lb
