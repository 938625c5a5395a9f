#include "dataplane/forward/connections.h"

#include <algorithm>

#include "dataplane/forward/proxied_syn.h"
#include "dataplane/forward/tcp_state.h"
#include "dataplane/packet/packet.h"

namespace lb {

namespace {
// Deadline hints per call: when all of them have come, the packets wait for some 25 us.
constexpr std::size_t kExpirySlice = 256;
// What was under way at a reset has arrived by then: it does not show that the connection goes on.
constexpr std::uint32_t kUnderWayTicks = 1'000 / kTickMs;
// Of the client whose server is down and has been silent for so long, a SYN means a new connection.
constexpr std::uint32_t kSilentTicks = 3'000 / kTickMs;

// When a client could not be asked.
constexpr std::uint32_t kLaterTicks = 500 / kTickMs;
// Of the SYN to a server, after it was sent.
constexpr std::uint32_t kFirstRepeatTicks = 1'000 / kTickMs;
constexpr std::uint32_t kLastRepeatTicks = 7'000 / kTickMs;

constexpr TcpView view_of(unsigned dir, unsigned keys) {
  if (dir == 1) return TcpView::kFromServer;
  return keys == 1 ? TcpView::kFromClientOnly : TcpView::kFromClient;
}

TcpConn load_tcp(const Record& record, ConnState state) {
  return {table_state(state), {progress_of(record, 0), progress_of(record, 1)}};
}

// The workers' clocks may be a tick apart.
bool is_silent(const Record& record, std::uint32_t ticks, std::uint32_t now) {
  return !is_later(record.last_seen.load(std::memory_order_relaxed) + ticks, now);
}

bool is_abandoned(const Record& record, ConnState state, const RealServerEntry& server,
                  std::uint32_t now) {
  return server.down && (state == ConnState::kSynSent || is_silent(record, kSilentTicks, now));
}
}  // namespace

// One handshake of HandshakeCounters.
void Connections::count_failed(Counter<std::uint64_t>& handshakes) {
  handshakes.add(1);
  counters_.failed_handshakes.add(1);
}

void Connections::count_replaced(std::uint32_t rs_slot) {
  counters_.real_servers[rs_slot].connections.add(1);
  counters_.conns_created.add(1);
  counters_.conns_expired.add(1);
}

bool Connections::end(Record& record) {
  const ConnState last = table_.kill(worker_, &record);
  if (last == ConnState::kDead) return false;
  count_ended(record, last);
  if (log_ != nullptr) log_->ended(record, table_.index_of(record), last);
  return true;
}

bool Connections::end_if_over(Record& record) {
  const ConnState state = record.state.load(std::memory_order_acquire);  // as in follow_tcp()
  if (state != ConnState::kTimeWait && state != ConnState::kClosed) return false;
  return !can_be_revived(view_of(0, record.keys), load_tcp(record, state)) && end(record);
}

bool Connections::make_room(std::uint32_t service, std::uint32_t now) {
  while (const auto victim = shedder_.choose(service, now)) {
    // Another worker may have ended it meanwhile.
    if (!end(*victim->record)) continue;
    counters_.shed[static_cast<std::size_t>(victim->kind)].add(1);
    return true;
  }
  return false;
}

namespace {

// In DR mode the end of the handshake proves nothing: anyone can send a SYN and an ACK. What follows
// them shows, as well as anything does, that the client has received something.
ConnState until_confirmed(TcpView view, ConnState state, const TcpStep& step,
                          const TcpSegment& segment) {
  const ConnState next = step.conn.state;
  if (view != TcpView::kFromClientOnly || next != ConnState::kEstablished) return next;
  if (is_half_open(state) && segment.end == segment.seq) return ConnState::kHandshake;
  const bool follows = step.proof != TcpProof::kNone && !segment.has(wire::kSyn);
  return state == ConnState::kHandshake && !follows ? state : next;
}

// Once for each view: most of what the table asks is known then when it is compiled.
[[gnu::flatten]] TcpStep follow(const TcpSegment& segment, const TcpConn& conn, TcpView view,
                                bool may_revive) {
  switch (view) {
    case TcpView::kFromServer:
      return tcp_follow(TcpView::kFromServer, segment, conn, may_revive);
    case TcpView::kFromClientOnly:
      return tcp_follow(TcpView::kFromClientOnly, segment, conn, may_revive);
    default:
      return tcp_follow(TcpView::kFromClient, segment, conn, may_revive);
  }
}

void store_progress(Record& record, const TcpProgress& before, const TcpProgress& after) {
  for (unsigned dir = 0; dir < 2; ++dir) {
    if (after[dir] != before[dir]) set_progress(record, dir, after[dir]);
  }
}

}  // namespace

Connections::Followed Connections::follow_tcp(const TcpSegment& segment, Record& record,
                                              unsigned dir, const Snapshot& snapshot,
                                              std::uint32_t now) {
  const Timeouts timeouts = snapshot.timeouts();
  const auto lifetime = [&](ConnState s) { return timeouts.ticks(record.service, s); };
  const TcpView view = view_of(dir, record.keys);
  const bool opens = is_opening(segment.flags) && dir == 0;
  // Acquire and the retry: another worker may follow the other direction at the same moment.
  for (ConnState state = record.state.load(std::memory_order_acquire); state != ConnState::kDead;
       state = record.state.load(std::memory_order_acquire)) {
    const TcpConn conn = load_tcp(record, state);
    // A standby gets the change from the master.
    const bool may_revive =
        state == ConnState::kClosed && !snapshot.services[record.service].standby &&
        is_silent(record, std::min(kUnderWayTicks, lifetime(ConnState::kClosed) / 2), now);
    TcpStep step = follow(segment, conn, view, may_revive);
    step.conn.state = until_confirmed(view, state, step, segment);
    const auto& [next, proof] = step;
    if (next.state == ConnState::kDead ||
        (opens && is_abandoned(record, state, snapshot.real_servers[record.rs], now))) {
      end(record);
      return Followed::kNew;
    }
    // The server has accepted a new connection in the place of this one.
    const bool is_another = proof == TcpProof::kExact && !is_half_open(state) &&
                            (segment.has(wire::kSyn) || view == TcpView::kFromClientOnly);
    if (next.state == state) {
      store_progress(record, conn.progress, next.progress);
      if (is_another) [[unlikely]]
        count_replaced(record.rs);
      // The SYN before this one had no answer.
      if (opens && state == ConnState::kSynSent) [[unlikely]]
        count_failed(counters_.handshakes[record.rs].syn_unanswered);
      if (opens && !is_half_open(state)) return Followed::kStray;
      const bool is_over = state == ConnState::kTimeWait || state == ConnState::kClosed;
      const bool proves = proof != TcpProof::kNone && !can_be_revived(view, conn);
      return is_over && !proves ? Followed::kStray : Followed::kOn;
    }
    // Before the state: another worker must not take what is under way for a sign of life.
    if (next.state == ConnState::kClosed) {
      record.last_seen.store(now, std::memory_order_relaxed);
    }
    if (!change_state(record, state, next.state)) continue;
    store_progress(record, conn.progress, next.progress);
    if (is_another) [[unlikely]]
      count_replaced(record.rs);
    if (segment.has(wire::kRst) && dir == 1 && is_half_open(state)) [[unlikely]]
      count_failed(counters_.handshakes[record.rs].syn_refused);
    if (can_be_revived(view, next)) {
      // In the middle of it the client is asked, see expire().
      table_.set_deadline(record, now + lifetime(next.state) / 2);
    } else if (lifetime(next.state) < lifetime(state)) {
      table_.set_deadline(record, now + lifetime(next.state));
    }
    if (is_synchronized(next.state)) log_change(record);
    return Followed::kOn;
  }
  return Followed::kNew;
}

bool Connections::establish_proxied(Record& record, std::uint32_t client_seq,
                                    std::uint32_t server_seq) {
  store_progress(record, {}, {Progress::at(client_seq), Progress::at(server_seq)});
  if (!change_state(record, ConnState::kSynSent, ConnState::kEstablished)) return false;
  log_change(record);
  return true;
}

std::uint32_t Connections::first_repeat(std::uint32_t now) {
  return now + kFirstRepeatTicks;
}

// The SYN of a proxied connection had no answer: as a client would, after one second, two more and four
// more (RFC 6298 2). Its last_seen is when it was made.
void Connections::repeat_syn(const Record& record, const Snapshot& snapshot, std::uint32_t now) {
  const std::uint32_t waited = now - record.last_seen.load(std::memory_order_relaxed);
  if (waited > kLastRepeatTicks + kLaterTicks) return;
  if (probes_.size() == kBurst) return table_.set_deadline(record, now + kLaterTicks);
  if (waited < kLastRepeatTicks) table_.set_deadline(record, now + waited + kFirstRepeatTicks);
  const RealServerEntry& server = snapshot.real_servers[record.rs];
  if (waited < 2 * kFirstRepeatTicks) {
    count_failed(counters_.handshakes[record.rs].syn_unanswered);
  }
  if (!server.next_hop.resolved()) return;
  const ProxiedClient& client = table_.proxied(record).client;
  probes_.push_back({record.tuple[1].reversed(), hop_to(server.next_hop),
                     syn_to_server(client, server.next_hop)});
}

// Its client believes that it is connected.
void Connections::give_up(const Record& record) {
  if (probes_.size() == kBurst) return;
  Probe reset = probe_for(record);
  reset.segment = {
      .seq = table_.proxied(record).client.cookie + 1, .flags = wire::kRst, .window = 0};
  probes_.push_back(reset);
}

void Connections::expire(const Snapshot& snapshot, std::uint32_t now) {
  const auto on_expired = [&](const Record& record, ConnState last) {
    count_ended(record, last);
    if (last == ConnState::kSynSent) {
      const bool repeats = is_proxied(record);
      // Else the repetition has counted it.
      if (!repeats || !is_silent(record, kFirstRepeatTicks, now)) {
        count_failed(counters_.handshakes[record.rs].syn_unanswered);
      }
      if (repeats) give_up(record);
    }
    if (log_ != nullptr) log_->ended(record, table_.index_of(record), last);
  };
  const auto on_moved = [&](const Record& record, ConnState state) {
    if (state == ConnState::kSynSent && is_proxied(record)) {
      return repeat_syn(record, snapshot, now);
    }
    if (state != ConnState::kClosed) return;
    if (!can_be_revived(view_of(0, record.keys), load_tcp(record, state))) return;
    // The master asks, and that may be this director soon.
    const bool standby = snapshot.services[record.service].standby;
    if (standby || probes_.size() == kBurst) return table_.set_deadline(record, now + kLaterTicks);
    probes_.push_back(probe_for(record));
  };
  table_.expire(worker_, now, snapshot.timeouts(), kExpirySlice, on_expired, on_moved);
}

}  // namespace lb
