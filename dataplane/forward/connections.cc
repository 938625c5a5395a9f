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

bool Connections::follow_tcp(std::uint8_t flags, Record& record, unsigned dir,
                             const Snapshot& snapshot, std::uint32_t now) {
  const TcpView from = dir == 1           ? TcpView::kFromServer
                       : record.keys == 1 ? TcpView::kFromClientOnly
                                          : TcpView::kFromClient;
  const TcpEvent event = tcp_event(flags);
  // Acquire and the retry: another worker may follow the other direction at the same moment.
  for (ConnState state = record.state.load(std::memory_order_acquire); state != ConnState::kDead;
       state = record.state.load(std::memory_order_acquire)) {
    if (dir == 0 && is_opening(flags) && is_reusable(state)) {
      end(record);
      return false;
    }
    const ConnState next = tcp_next(from, event, state);
    if (next == state) {
      // The SYN before this one had no answer.
      if (event == TcpEvent::kSyn && state == ConnState::kSynSent && dir == 0) [[unlikely]]
        count_failed(counters_.handshakes[record.rs].syn_unanswered);
      return true;
    }
    if (!change_state(record, state, next)) continue;
    if (event == TcpEvent::kRst && dir == 1 && is_half_open(state)) [[unlikely]]
      count_failed(counters_.handshakes[record.rs].syn_refused);
    const Timeouts timeouts = snapshot.timeouts();
    const auto of = [&](ConnState s) { return timeouts.ticks(record.service, s); };
    if (of(next) < of(state)) table_.set_deadline(record, now + of(next));
    if (!is_half_open(next)) log_change(record);
    return true;
  }
  return false;
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
