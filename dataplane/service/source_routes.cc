#include "dataplane/service/source_routes.h"

#include <algorithm>

namespace lb {

// Prefixes are nested or apart: sorted so, each comes just after those that contain it, and equal
// ones come together.
SourceRoutes::SourceRoutes(std::vector<Route> routes) {
  std::ranges::stable_sort(routes, [](const Route& a, const Route& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
  });
  struct Open {
    std::uint64_t end;
    std::uint32_t first;
    std::uint32_t count;
  };
  std::vector<Open> open;  // those that contain the place where we are, the narrowest last
  const auto begin_part = [&](std::uint64_t address) {
    if (address >> 32 != 0) return;
    const auto begin = static_cast<std::uint32_t>(address);
    const Part part =
        open.empty() ? Part{begin} : Part{begin, open.back().first, open.back().count};
    if (!parts_.empty() && parts_.back().begin == begin) {
      parts_.back() = part;
    } else {
      parts_.push_back(part);
    }
  };
  const auto close_until = [&](std::uint64_t address) {
    while (!open.empty() && open.back().end <= address) {
      const std::uint64_t end = open.back().end;
      open.pop_back();
      begin_part(end);
    }
  };
  for (std::size_t at = 0; at < routes.size();) {
    const Route& route = routes[at];
    close_until(route.begin);
    const auto first = static_cast<std::uint32_t>(places_.size());
    for (; at < routes.size() && routes[at].begin == route.begin && routes[at].end == route.end;
         ++at) {
      places_.push_back(routes[at].place);
    }
    open.push_back({route.end, first, static_cast<std::uint32_t>(places_.size()) - first});
    begin_part(route.begin);
  }
  close_until(std::uint64_t{1} << 32);
}

bool SourceRoutes::lead(Be32 address, Place place) const {
  const auto after = std::ranges::upper_bound(parts_, address.host(), {}, &Part::begin);
  if (after == parts_.begin()) return false;
  const Part& part = *(after - 1);
  const auto first = places_.begin() + part.first;
  return std::find(first, first + part.count, place) != first + part.count;
}

}  // namespace lb
