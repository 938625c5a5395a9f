// For tests: parts of a SnapshotSpec, as short as they are said.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "config/base/net.h"
#include "dataplane/api/snapshot_spec.h"
#include "dataplane/conn/record.h"

namespace lb::test {

constexpr std::chrono::milliseconds ticks(std::uint32_t count) {
  return std::chrono::milliseconds(std::uint64_t{count} * kTickMs);
}

// Calls f(timeout) for each, in the order of ConnState from kSynSent on.
template <typename F>
void for_each_timeout(ConnTimeouts& timeouts, F f) {
  auto& [syn_sent, syn_received, handshake, established, fin_wait, close_wait, last_ack, time_wait,
         closed, udp_unanswered, udp] = timeouts;
  for (auto* timeout : {&syn_sent, &syn_received, &established, &fin_wait, &close_wait, &last_ack,
                        &time_wait, &closed, &udp, &udp_unanswered, &handshake}) {
    f(*timeout);
  }
}

inline ConnTimeouts all_timeouts(std::uint32_t count) {
  ConnTimeouts timeouts;
  for_each_timeout(timeouts, [count](auto& timeout) { timeout = ticks(count); });
  return timeouts;
}

// One address with one port.
inline EndpointRange single(Endpoint endpoint) {
  return {endpoint.address, endpoint.port, endpoint.port};
}
inline EndpointRange single(std::string_view text) {
  return single(Endpoint::parse(text).value());
}

}  // namespace lb::test
