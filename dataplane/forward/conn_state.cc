// State changes of connections and the counts that hang on them.
#include "dataplane/forward/pipeline.h"

namespace lb {

void Pipeline::count_state(std::uint32_t rs_slot, ConnState from, ConnState to) {
  RealServerCounters& count = counters_.real_servers[rs_slot];
  const auto lives = [](ConnState s) { return s != ConnState::kNone && s != ConnState::kDead; };
  if (lives(from) != lives(to)) count.total.add(lives(to) ? 1 : -1);
  if (is_active(from) != is_active(to)) count.active.add(is_active(to) ? 1 : -1);
}

// One handshake of HandshakeCounters.
void Pipeline::count_failed(Counter<std::uint64_t>& handshakes) {
  handshakes.add(1);
  counters_.failed_handshakes.add(1);
}

// Follows the segment's flags. False: it opens a new connection on the ports of one that is over,
// which was ended.
bool Pipeline::follow_tcp(Packet& packet, Record& record, unsigned dir, const View& view) {
  const TcpView from = dir == 1                                      ? TcpView::kFromServer
                       : static_cast<Mode>(record.mode) == Mode::kDr ? TcpView::kFromClientOnly
                                                                     : TcpView::kFromClient;
  const TcpEvent event = tcp_event(packet.tcp_flags);
  // Acquire and the retry: another worker may follow the other direction at the same moment.
  for (ConnState state = record.state.load(std::memory_order_acquire); state != ConnState::kDead;
       state = record.state.load(std::memory_order_acquire)) {
    if (dir == 0 && is_opening(packet.tcp_flags) && is_reusable(state)) {
      end_connection(record);
      return false;
    }
    const ConnState next = tcp_next(from, event, state);
    if (next == state) {
      // The SYN before this one had no answer.
      if (event == TcpEvent::kSyn && state == ConnState::kSynSent && dir == 0) [[unlikely]]
        count_failed(counters_.handshakes[record.rs].syn_unanswered);
      return true;
    }
    if (!ConnTable::change_state(record, state, next)) continue;
    count_state(record.rs, state, next);
    if (event == TcpEvent::kRst && dir == 1 && is_half_open(state)) [[unlikely]]
      count_failed(counters_.handshakes[record.rs].syn_refused);
    const Timeouts timeouts = view.snapshot.timeouts();
    const auto of = [&](ConnState s) { return timeouts.ticks(record.service, s); };
    if (of(next) < of(state)) table_.set_deadline(record, view.now + of(next));
    if (log_ != nullptr && !is_half_open(next)) log_->changed(table_.handle_of(record));
    return true;
  }
  return false;
}

// False: another worker ended it first.
bool Pipeline::end_connection(Record& record) {
  const std::uint32_t rs_slot = record.rs;
  const ConnState last = table_.kill(worker_, &record);
  if (last == ConnState::kDead) return false;
  count_state(rs_slot, last, ConnState::kDead);
  counters_.conns_expired.add(1);
  if (log_ != nullptr) log_->ended(record, table_.index_of(record), last);
  return true;
}

}  // namespace lb
