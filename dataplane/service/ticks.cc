#include <algorithm>

#include "dataplane/service/build.h"

namespace lb {

std::uint32_t to_ticks(std::chrono::milliseconds duration) {
  const auto ms = static_cast<std::uint32_t>(duration.count());
  return ms / kTickMs + (ms % kTickMs == 0 ? 0 : 1);
}

TimeoutTicks to_ticks(const ConnTimeouts& timeouts) {
  TimeoutTicks ticks{};
  const auto set = [&](ConnState state, std::chrono::milliseconds duration) {
    ticks[static_cast<std::size_t>(state)] = to_ticks(duration);
  };
  set(ConnState::kSynSent, timeouts.tcp_syn_sent);
  set(ConnState::kSynReceived, timeouts.tcp_syn_received);
  set(ConnState::kEstablished, timeouts.tcp_established);
  set(ConnState::kFinWait, timeouts.tcp_fin_wait);
  set(ConnState::kCloseWait, timeouts.tcp_close_wait);
  set(ConnState::kClosing, timeouts.tcp_last_ack);
  set(ConnState::kLastAck, timeouts.tcp_last_ack);
  set(ConnState::kTimeWait, timeouts.tcp_time_wait);
  set(ConnState::kClosed, timeouts.tcp_closed);
  set(ConnState::kUdp, timeouts.udp);
  // What is not confirmed does not live longer.
  set(ConnState::kUdpUnanswered, std::min(timeouts.udp_unanswered, timeouts.udp));
  set(ConnState::kHandshake, std::min(timeouts.tcp_handshake, timeouts.tcp_established));
  return ticks;
}

}  // namespace lb
