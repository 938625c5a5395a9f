// ICMP errors about packets of our connections (RFC 792, RFC 5508 section 4), from either side.
//
// The quote is a packet that the director sent. Reversed, it is the key of the opposite direction.
#include "dataplane/forward/pipeline.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rewrite.h"
#include "dataplane/packet/tcp_translate.h"

namespace lb {

void Pipeline::icmp_error(Packet& packet, const View& view) {
  // Any router on the way may send one.
  if (!pass_source(packet, view.snapshot)) return;
  IcmpQuote quote;
  if (!parse_icmp_quote(packet, quote)) {
    if (packet.reason != DropReason::none) return drop(packet, packet.reason);
    packet.verdict = Verdict::kPunt;
    return;
  }
  const FlowTuple key = quote.tuple.reversed();
  if (const Hit hit = table_.find(key, quote.proto, table_.hash(key, quote.proto))) {
    const Record& record = *hit.record;
    if (hit.dir == 0) return icmp_error_to_server(packet, quote, record, view);
    return icmp_error_to_client(packet, quote,
                                {record.rs, record.tuple[0], conns_.client_hop(record)}, view);
  }
  if (quote.proto == kProtoUdp) {
    if (const auto reply = find_reply(key, view)) {
      return icmp_error_to_client(packet, quote, *reply, view);
    }
  }
  packet.verdict = Verdict::kPunt;
}

// From the client's side, about a packet of the server's. An error that cannot be forwarded is
// never answered: no ICMP error about an ICMP error (RFC 1122 3.2.2).
void Pipeline::icmp_error_to_server(Packet& packet, const IcmpQuote& quote, const Record& record,
                                    const View& view) {
  const RealServerEntry& server = view.real_servers[record.rs];
  const bool is_nat = has_reverse_key(mode_of(record));
  if (is_nat && ttl(packet) <= 1) return drop(packet, DropReason::ttl_expired);
  RealServerCounters& count = view.counters[record.rs];
  if (!server.next_hop.resolved()) {
    return deliver_without_hop(packet, server.next_hop, count, view.snapshot);
  }
  packet.verdict = Verdict::kForward;
  count.packets_in.add(1);
  count.bytes_in.add(packet.ip_len);
  if (is_proxied(record)) {
    translate_quote_to_server(packet, quote, table_.proxied(record).translation());
  }
  if (is_nat) rewrite_icmp_error(packet, quote, packet.tuple.src, server.address, record.tuple[1]);
  set_next_hop(packet, server.next_hop);
  packet.egress = server.next_hop.port;
}

// From the server's side, about a packet of the client's. The client has only the VIP; a router
// between them keeps its address.
void Pipeline::icmp_error_to_client(Packet& packet, const IcmpQuote& quote, const Reply& reply,
                                    const View& view) {
  if (ttl(packet) <= 1) return drop(packet, DropReason::ttl_expired);
  packet.verdict = Verdict::kForward;
  RealServerCounters& count = view.counters[reply.rs];
  count.packets_out.add(1);
  count.bytes_out.add(packet.ip_len);
  const Be32 server = view.real_servers[reply.rs].address;
  const FlowTuple& from_client = reply.from_client;
  const Be32 source = packet.tuple.src == server ? from_client.dst : packet.tuple.src;
  rewrite_icmp_error(packet, quote, source, from_client.src, from_client);
  const std::uint8_t port = reply.client_hop.port();
  set_client_hop(packet, reply.client_hop, view.ports[port].mac.data());
  packet.egress = port;
}

}  // namespace lb
