#include "controlplane/health/tracker.h"

#include <algorithm>
#include <limits>

namespace lb::health {
namespace {

std::uint32_t saturating_next(std::uint32_t count) {
  return count == std::numeric_limits<std::uint32_t>::max() ? count : count + 1;
}

}  // namespace

Tracker::Tracker(std::uint32_t rise, std::uint32_t fall, std::optional<bool> initial_up,
                 TimePoint now)
    : rise_(std::max(rise, 1u)),
      fall_(std::max(fall, 1u)),
      up_(initial_up.value_or(false)),
      first_decides_(!initial_up.has_value()),
      since_(now) {}

bool Tracker::add_result(bool good, TimePoint now) {
  rise_count_ = good ? saturating_next(rise_count_) : 0;
  fall_count_ = good ? 0 : saturating_next(fall_count_);
  const bool turns = up_ ? fall_count_ >= fall_ : good && (first_decides_ || rise_count_ >= rise_);
  first_decides_ = false;
  if (turns) {
    up_ = !up_;
    since_ = now;
  }
  return turns;
}

}  // namespace lb::health
