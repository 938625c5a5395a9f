// Coarse time, the same for all threads: ticks of kTickMs since the data plane started.
#pragma once

#include <cstdint>

#include "dataplane/conn/record.h"

namespace lb {

struct TickClock {
  std::uint64_t start_tsc = 0;
  std::uint64_t tsc_hz = 0;

  std::uint64_t tsc_per_ms() const { return tsc_hz / 1000; }
  std::uint64_t tsc_of_us(std::uint64_t us) const { return us * (tsc_hz / 1'000'000); }
  std::uint64_t tsc_per_tick() const { return tsc_per_ms() * kTickMs; }
  std::uint32_t tick_at(std::uint64_t tsc) const {
    return static_cast<std::uint32_t>((tsc - start_tsc) / tsc_per_tick());
  }
  // When the tick after this one begins.
  std::uint64_t end_of(std::uint32_t tick) const {
    return start_tsc + (std::uint64_t{tick} + 1) * tsc_per_tick();
  }
};

}  // namespace lb
