#include "dataplane/forward/connections.h"

#include "dataplane/forward/tcp_state.h"

namespace lb {

namespace {
// Deadline hints per call: when all of them have come, the packets wait for some 25 us.
constexpr std::size_t kExpirySlice = 256;
}  // namespace

// One handshake of HandshakeCounters.
void Connections::count_failed(Counter<std::uint64_t>& handshakes) {
  handshakes.add(1);
  counters_.failed_handshakes.add(1);
}

bool Connections::end(Record& record) {
  const std::uint32_t rs_slot = record.rs;
  const ConnState last = table_.kill(worker_, &record);
  if (last == ConnState::kDead) return false;
  count_state(rs_slot, last, ConnState::kDead);
  counters_.conns_expired.add(1);
  if (log_ != nullptr) log_->ended(record, table_.index_of(record), last);
  return true;
}

bool Connections::end_oldest_half_open() {
  Record* const oldest = table_.oldest_half_open(worker_);
  return oldest != nullptr && end(*oldest);
}

namespace {

TcpConn load_tcp(const Record& record, ConnState state) {
  const auto load = [&](unsigned dir) {
    return Progress(record.seq[dir].load(std::memory_order_relaxed));
  };
  return {state, {load(0), load(1)}};
}

// Once for each view: most of what the table asks is known then when it is compiled.
[[gnu::flatten]] TcpStep follow(const TcpSegment& segment, const TcpConn& conn, unsigned dir,
                                unsigned keys) {
  if (dir == 1) return tcp_follow(TcpView::kFromServer, segment, conn);
  if (keys == 1) return tcp_follow(TcpView::kFromClientOnly, segment, conn);
  return tcp_follow(TcpView::kFromClient, segment, conn);
}

// Relaxed, and apart from the state: each direction has its own number, and another worker that
// sees the new state with an old one takes it for less proven than it is, which leaves the
// connection as it was.
void store_progress(Record& record, const TcpProgress& before, const TcpProgress& after) {
  for (unsigned dir = 0; dir < 2; ++dir) {
    if (after[dir] == before[dir]) continue;
    record.seq[dir].store(after[dir].word(), std::memory_order_relaxed);
  }
}

}  // namespace

Connections::Followed Connections::follow_tcp(const TcpSegment& segment, Record& record,
                                              unsigned dir, const Snapshot& snapshot,
                                              std::uint32_t now) {
  // Acquire and the retry: another worker may follow the other direction at the same moment.
  for (ConnState state = record.state.load(std::memory_order_acquire); state != ConnState::kDead;
       state = record.state.load(std::memory_order_acquire)) {
    const TcpConn conn = load_tcp(record, state);
    const auto [next, proof] = follow(segment, conn, dir, record.keys);
    if (next.state == ConnState::kDead) {
      end(record);
      return Followed::kNew;
    }
    if (next.state == state) {
      store_progress(record, conn.progress, next.progress);
      // The SYN before this one had no answer.
      if (is_opening(segment.flags) && state == ConnState::kSynSent && dir == 0) [[unlikely]]
        count_failed(counters_.handshakes[record.rs].syn_unanswered);
      const bool is_over = state == ConnState::kTimeWait || state == ConnState::kClosed;
      return is_over && proof == TcpProof::kNone ? Followed::kStray : Followed::kOn;
    }
    if (!change_state(record, state, next.state)) continue;
    store_progress(record, conn.progress, next.progress);
    if (segment.has(wire::kRst) && dir == 1 && is_half_open(state)) [[unlikely]]
      count_failed(counters_.handshakes[record.rs].syn_refused);
    const Timeouts timeouts = snapshot.timeouts();
    const auto of = [&](ConnState s) { return timeouts.ticks(record.service, s); };
    if (of(next.state) < of(state)) table_.set_deadline(record, now + of(next.state));
    if (!is_half_open(next.state)) log_change(record);
    return Followed::kOn;
  }
  return Followed::kNew;
}

void Connections::expire(const Snapshot& snapshot, std::uint32_t now) {
  table_.expire(worker_, now, snapshot.timeouts(), kExpirySlice,
                [&](const Record& record, ConnState last) {
                  count_state(record.rs, last, ConnState::kDead);
                  if (last == ConnState::kSynSent) {
                    count_failed(counters_.handshakes[record.rs].syn_unanswered);
                  }
                  counters_.conns_expired.add(1);
                  if (log_ != nullptr) log_->ended(record, table_.index_of(record), last);
                });
}

}  // namespace lb
