// How often a connection that does not change is sent to the peer, so that its copy does not expire.
// Pure; times are ticks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "dataplane/conn/record.h"
#include "dataplane/service/snapshot.h"

namespace lb {

// A refresh that comes late by the time that a batch takes must not let the peer's copy expire.
inline constexpr std::uint32_t kLongestRefresh = 600;  // ticks: a minute
inline constexpr std::uint32_t kShortestRefresh = 10;  // a second

// A third of the lifetime: two refreshes may be missed.
inline std::uint32_t refresh_ticks(std::uint32_t lifetime) {
  return std::clamp(lifetime / 3, kShortestRefresh, kLongestRefresh);
}

// The shortest of active connections, half-closed ones too.
inline std::uint32_t round_ticks(const TimeoutTicks& ticks) {
  const auto of = [&](ConnState state) {
    return refresh_ticks(ticks[static_cast<std::size_t>(state)]);
  };
  return std::min({of(ConnState::kEstablished), of(ConnState::kFinWait), of(ConnState::kCloseWait),
                   of(ConnState::kUdp)});
}

// In this time every record is read once.
inline std::uint32_t round_ticks(const Snapshot& snapshot) {
  std::uint32_t shortest = round_ticks(snapshot.timeout_ticks);
  for (const TimeoutTicks& own : snapshot.own_timeouts) {
    shortest = std::min(shortest, round_ticks(own));
  }
  return shortest;
}

}  // namespace lb
