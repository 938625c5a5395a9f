#include "controlplane/servers/punt_watch.h"

namespace lb::controlplane {

std::vector<PuntWatch::Change> PuntWatch::observe(const std::vector<Reading>& readings,
                                                  Clock::time_point now) {
  std::vector<Change> changes;
  for (const Reading& reading : readings) {
    const auto [at, is_new] =
        states_.try_emplace({reading.port, reading.kind}, State{.last = reading.dropped});
    if (is_new) continue;
    State& state = at->second;
    const std::uint64_t before = reading.dropped < state.last ? 0 : state.last;
    const std::uint64_t dropped = reading.dropped - before;
    state.last = reading.dropped;
    state.dropped += dropped;
    if (dropped != 0) {
      state.last_drop = now;
      state.dropping = true;
      if (!state.reported && limit_.admit(reading.port, reading.kind, now)) {
        changes.push_back({reading.port, reading.kind, true, dropped, state.left_out});
        state.reported = true;
        state.left_out = 0;
      }
    } else if (state.dropping && now - state.last_drop >= kQuiet) {
      if (std::exchange(state.reported, false)) {
        changes.push_back({reading.port, reading.kind, false, state.dropped});
      } else {
        ++state.left_out;
      }
      state.dropping = false;
      state.dropped = 0;
    }
  }
  return changes;
}

}  // namespace lb::controlplane
