// The SYN proxy: the director answers SYNs itself, with cookies, and opens the connection to a real server
// only when the client has proven that it got the answer (RFC 4987 3.6). docs/syn-proxy.md explains it.
//
//   client          director                              real server
//   SYN        ->   answer_syn: nothing is kept
//              <-   SYN-ACK: cookie, window 0
//   ACK        ->   open_proxied: record, SYN_SENT   ->   SYN          repeated: Connections::expire
//                   pending_server: ESTABLISHED      <-   SYN-ACK
//              <-   window of the server             ->   ACK
//   data       ->   proxied: numbers translated      ->   data         packet/tcp_translate.h
//
// The states and what is kept of sequence numbers (tcp_state.h) go by the server's numbers: what the client
// sends is translated before it is followed, what the server sends afterwards.
#include <algorithm>
#include <utility>

#include "dataplane/forward/pipeline.h"
#include "dataplane/forward/proxied_syn.h"
#include "dataplane/forward/tcp_progress.h"
#include "dataplane/forward/tcp_state.h"
#include "dataplane/packet/answer.h"
#include "dataplane/packet/tcp_options.h"
#include "dataplane/packet/tcp_translate.h"

namespace lb {

namespace {

// Of the windows that clients are promised: up to 16 MB, in steps of 256 bytes.
constexpr std::uint8_t kPromisedScale = 8;
constexpr std::uint16_t kHeaderBytes = wire::kIpBytes + wire::kTcpBytes;
// Timestamps of SYN-ACKs are those of the coarse clock. What the client echoes is where the server's are
// shifted to, so that they never go back for it, whichever director goes on.
constexpr std::uint32_t timestamp_of(std::uint32_t tick) {
  return tick * kTickMs + 1;
}

std::uint16_t mss_towards_director(const ServiceEntry& service, std::uint16_t client_port_mtu) {
  const std::uint16_t mtu =
      service.mtu == 0 ? client_port_mtu : std::min(service.mtu, client_port_mtu);
  return static_cast<std::uint16_t>(mtu - kHeaderBytes);
}

// How windows and SACK blocks pass between a client and the server that answered it.
TcpTranslationForm form_of(const ProxiedClient& client, const TcpOffer& server) {
  TcpTranslationForm form;
  form.strip_sack = client.sack && !server.syn.sack;
  if (client.window_scale == kNoWindowScale) return form;
  form.promised_scale = kPromisedScale;
  if (server.syn.window_scale != kNoWindowScale) {
    form.server_scale = server.syn.window_scale;
  } else {
    form.client_scale = client.window_scale;
  }
  return form;
}

}  // namespace

// Whether a new connection would find a server: without one a SYN is not answered.
bool Pipeline::finds_server(const ServiceEntry& service, const View& view) const {
  const auto is_free = [&](std::uint32_t slot) {
    const RealServerEntry& server = view.real_servers[slot];
    return server.up && !thresholds_.is_full(slot, server);
  };
  // Clients that stay with their server do so when its weight is 0, too.
  const bool stay = service.persistence.ticks != 0;
  const std::vector<std::uint32_t>& slots = stay ? service.real_servers : service.candidates;
  return std::any_of(slots.begin(), slots.end(), is_free);
}

void Pipeline::answer_syn(Packet& packet, std::uint32_t service_slot, const View& view) {
  const ServiceEntry& service = view.snapshot.services[service_slot];
  if (service.gate != nullptr) {
    const DropReason refused = service.gate->preview(packet.tuple.src, view.now, worker_);
    if (refused != DropReason::none) return drop(packet, refused);
  }
  if (!finds_server(service, view)) return refuse({packet, service_slot}, view);
  drop(packet, DropReason::syn_proxied);
  // Nobody's TCP fragments a SYN.
  if (packet.kind != PacketKind::kTcpControl || !has_unicast_macs(packet)) return;

  const std::uint32_t isn = tcp_sequence(packet);
  const TcpOffer offer = tcp_offer(packet);
  OwnSegment answer{.seq = syn_secrets_.cookie({packet.tuple, isn}, offer.syn),
                    .ack = isn + 1,
                    .flags = wire::kSyn | wire::kAck,
                    .window = 0};
  answer.offer.mss = mss_towards_director(service, view.ports[packet.ingress].mtu);
  answer.offer.window_scale =
      offer.syn.window_scale == kNoWindowScale ? kNoWindowScale : kPromisedScale;
  answer.offer.sack = offer.syn.sack;
  answer.timestamps = offer.timestamps && service.syn_proxy->promises_timestamps();
  answer.timestamp_value = timestamp_of(view.now);
  answer.timestamp_echo = offer.timestamp_value;
  if (!make_segment(packet, packet.tuple.reversed(), answer)) return;
  swap_macs(packet.data);
  packet.verdict = Verdict::kAnswer;
  packet.egress = packet.ingress;
  service.syn_proxy->count_cookie(worker_);
}

// The client's first segment behind its SYN, with what it offered; nullopt: it has no cookie of ours.
std::optional<ProxiedClient> Pipeline::prove(const Packet& packet) const {
  const TcpSegment segment = tcp_segment(packet);
  const std::uint32_t cookie = segment.ack - 1;
  std::uint32_t isn = segment.seq - 1;
  auto offer = syn_secrets_.read(cookie, {packet.tuple, isn});
  if (!offer && segment.end == segment.seq) {
    // Window probes without data repeat the number before (RFC 9293 3.8.6.1 leaves that open).
    isn = segment.seq;
    offer = syn_secrets_.read(cookie, {packet.tuple, isn});
  }
  if (!offer) return std::nullopt;
  // They are in each segment when they are in use (RFC 7323 3.2).
  const TcpTimestamps timestamps = tcp_timestamps(packet);
  return ProxiedClient{
      .isn = isn,
      .cookie = cookie,
      .timestamp_value = timestamps.value,
      .timestamp_echo = timestamps.echo,
      .window = wire::load<Be16>(packet.data + packet.l4 + wire::kTcpWindow).host(),
      .mss = offer->mss,
      .window_scale = offer->window_scale,
      .sack = offer->sack,
      .timestamps = timestamps.are_there};
}

// A segment of no connection that may prove one. The packet becomes the SYN to the server: data that came
// with it, beyond a window of 0, comes again.
Pipeline::Owner Pipeline::open_proxied(Packet& packet, std::uint32_t service_slot,
                                       const View& view) {
  const ServiceEntry& service = view.snapshot.services[service_slot];
  const auto client = service.standby ? std::nullopt : prove(packet);
  if (!client) {
    if (may_be_synchronized_soon(service_slot, view)) {
      drop(packet, DropReason::taking_over);
      return {};
    }
    service.syn_proxy->count_refused(worker_);
    answer_or_drop(packet, DropReason::bad_syn_cookie, may_answer(view) && make_reset(packet));
    return {};
  }
  // Who was refused by now has a connection that nobody else ends.
  const DropReason refused = service.gate == nullptr
                                 ? DropReason::none
                                 : service.gate->admit(packet.tuple.src, view.now, worker_);
  if (refused != DropReason::none) {
    answer_or_drop(packet, refused, may_answer(view) && make_reset(packet));
    return {};
  }
  const Hit hit = open({packet, service_slot, &*client}, view);
  if (!hit) return {};
  service.syn_proxy->count_proven(worker_);
  const NextHop& hop = view.real_servers[hit.record->rs].next_hop;
  if (!is_proxied(*hit.record) ||
      !make_segment(packet, packet.tuple, syn_to_server(*client, hop))) {
    drop(packet, DropReason::server_pending);  // another worker was first
    return {hit.record, hit.dir};
  }
  forward(packet, *hit.record, hit.dir, view);
  return {hit.record, hit.dir};
}

// A packet of a connection that a SYN proxy opened.
Pipeline::Owner Pipeline::proxied(Packet& packet, Record& record, unsigned dir, const View& view) {
  // Acquire: the translation is there.
  if (record.state.load(std::memory_order_acquire) == ConnState::kSynSent) {
    return dir == 0 ? pending_client(packet, record, view) : pending_server(packet, record, view);
  }
  ProxiedConn& its = table_.proxied(record);
  TcpSegment segment = tcp_segment(packet);
  if (dir == 0) segment.ack -= its.translation().seq;
  const auto numbers = [&] { return TcpProgress{progress_of(record, 0), progress_of(record, 1)}; };
  const auto before = numbers();
  const auto followed = conns_.follow_tcp(segment, record, dir, view.snapshot, view.now);
  if (followed == Connections::Followed::kNew) return open_connection(packet, view);
  if (is_opening(packet.tcp_flags) && dir == 0 && is_over(record) &&
      !pass_gate(packet, view.snapshot.services[record.service], view)) {
    return {};
  }
  if (followed == Connections::Followed::kOn) touch(record, view.now);
  if (dir == 0) {
    translate_to_server(packet, its.translation());
  } else {
    // One that is no copy: the server has accepted a SYN of the client's on the ports of this connection,
    // and both agreed about windows and SACK themselves. Numbers are shifted as before.
    if (segment.has(wire::kSyn) && numbers() != before) {
      its.set({its.translation().seq, its.translation().timestamp, {}});
    }
    translate_to_client(packet, its.translation());
  }
  forward(packet, record, dir, view);
  return {&record, dir};
}

// Before the server has answered. The client's window is closed: it sends probes at most.
Pipeline::Owner Pipeline::pending_client(Packet& packet, Record& record, const View& view) {
  const ProxiedClient& client = table_.proxied(record).client;
  const TcpSegment segment = tcp_segment(packet);
  if (segment.has(wire::kRst)) {
    // Exactly, as RFC 5961 3.2 has it.
    if (segment.seq == client.isn + 1) conns_.end(record);
  } else if (segment.has(wire::kSyn) || segment.ack != client.cookie + 1) {
    // Of a client that began anew; or of anybody in its name, who gets no further without the answer.
    const ServiceEntry& service = view.snapshot.services[record.service];
    if (is_opening(segment.flags) && service.cookies() != nullptr) {
      answer_syn(packet, record.service, view);
      return {};
    }
    if (!segment.has(wire::kSyn) && packet.kind != PacketKind::kFragment &&
        service.cookies() != nullptr && prove(packet)) {
      conns_.end(record);
      return open_connection(packet, view);
    }
  }
  drop(packet, DropReason::server_pending);
  return {};
}

Pipeline::Owner Pipeline::pending_server(Packet& packet, Record& record, const View& view) {
  ProxiedConn& its = table_.proxied(record);
  const ProxiedClient& client = its.client;
  const TcpSegment segment = tcp_segment(packet);
  const bool is_answer = segment.has(wire::kAck) && segment.ack == client.isn + 1;
  if (segment.has(wire::kRst)) {
    if (!is_answer) {
      drop(packet, DropReason::server_pending);
      return {};
    }
    // Of a closed port: with the number that the client expects.
    conns_.follow_tcp(segment, record, 1, view.snapshot, view.now);
    translate_to_client(packet, {client.cookie + 1 - segment.seq, 0, {}});
    forward(packet, record, 1, view);
    return {&record, 1};
  }
  if (!segment.has(wire::kSyn) || !is_answer || packet.kind == PacketKind::kFragment) {
    // It has another connection on these ports: a reset ends that (RFC 9293 3.10.7.3), and the SYN comes
    // again.
    answer_or_drop(packet, DropReason::server_pending, may_answer(view) && make_reset(packet));
    return {};
  }

  const TcpOffer offer = tcp_offer(packet);
  if (client.timestamps && !offer.timestamps) {
    refuse_timestamps(packet, record, view);
    return {};
  }
  TcpTranslation translation{.seq = client.cookie - segment.seq,
                             .timestamp = client.timestamp_echo - offer.timestamp_value,
                             .form = form_of(client, offer)};
  if (!client.timestamps) translation.timestamp = 0;
  its.set(translation);
  if (!conns_.establish_proxied(record, client.isn + 1, segment.seq + 1)) {
    drop(packet, DropReason::server_pending);
    return {};
  }
  touch(record, view.now);

  // The window of a SYN-ACK is not scaled.
  TcpTranslationForm unscaled = translation.form;
  unscaled.server_scale = 0;
  const std::uint16_t window = wire::load<Be16>(packet.data + packet.l4 + wire::kTcpWindow).host();
  OwnSegment to_client{.seq = client.cookie + 1,
                       .ack = client.isn + 1,
                       .window = window_for_client(window, unscaled)};
  to_client.timestamps = client.timestamps;
  to_client.timestamp_value = client.timestamp_echo;
  to_client.timestamp_echo = client.timestamp_value;
  segments_.push_back({record.tuple[0].reversed(), conns_.client_hop(record), to_client});

  OwnSegment to_server{.seq = client.isn + 1,
                       .ack = segment.seq + 1,
                       .window = window_for_server(client.window, translation.form)};
  to_server.timestamps = client.timestamps;
  to_server.timestamp_value = client.timestamp_value;
  to_server.timestamp_echo = offer.timestamp_value;
  // Without room the server repeats its SYN-ACK, and the client answers that.
  if (!make_segment(packet, record.tuple[0], to_server)) {
    drop(packet, DropReason::server_pending);
    return {&record, 1};
  }
  forward_in_clients_name(packet, record, view);
  return {&record, 1};
}

// The client expects timestamps in each segment, and nobody can add them: both ends are reset. The next
// clients of the service are promised none.
void Pipeline::refuse_timestamps(Packet& packet, Record& record, const View& view) {
  const ServiceEntry& service = view.snapshot.services[record.service];
  if (service.syn_proxy != nullptr) service.syn_proxy->promise_no_timestamps();
  const ProxiedClient& client = table_.proxied(record).client;
  segments_.push_back({record.tuple[0].reversed(),
                       conns_.client_hop(record),
                       {.seq = client.cookie + 1, .flags = wire::kRst, .window = 0}});
  conns_.end(record);
  answer_or_drop(packet, DropReason::timestamps_missing, make_reset(packet));
}

}  // namespace lb
