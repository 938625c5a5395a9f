#include "controlplane/servers/flood_watch.h"

namespace lb::controlplane {

std::vector<FloodWatch::Change> FloodWatch::observe(const std::vector<Reading>& readings,
                                                    Clock::time_point now) {
  std::vector<Change> changes;
  for (const Reading& reading : readings) {
    const auto [at, is_new] =
        states_.try_emplace({reading.name, reading.kind}, State{.last = reading.count});
    if (is_new) continue;
    State& state = at->second;
    const std::uint64_t before = reading.count < state.last ? 0 : state.last;
    const std::uint64_t rise = reading.count - before;
    state.last = reading.count;
    state.count += rise;
    if (rise != 0) {
      state.last_rise = now;
      state.begun = true;
      if (!state.reported && limit_.admit(reading.name, reading.kind, now)) {
        changes.push_back({reading.name, reading.kind, true, rise, state.left_out});
        state.reported = true;
        state.left_out = 0;
      }
    } else if (state.begun && now - state.last_rise >= kQuiet) {
      if (std::exchange(state.reported, false)) {
        changes.push_back({reading.name, reading.kind, false, state.count});
      } else {
        ++state.left_out;
      }
      state.begun = false;
      state.count = 0;
    }
  }
  return changes;
}

}  // namespace lb::controlplane
