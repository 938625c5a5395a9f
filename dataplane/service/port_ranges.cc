#include "dataplane/service/port_ranges.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace lb {

PortRanges::PortRanges(std::vector<Range> ranges) {
  const auto vip = [](const Range& r) { return std::tuple(r.proto, r.address.address.host()); };
  std::ranges::sort(ranges, {}, vip);
  const Range* const end = ranges.data() + ranges.size();
  for (const Range* begin = ranges.data(); begin != end;) {
    const Range* next = begin;
    while (next != end && vip(*next) == vip(*begin)) ++next;
    add_pieces(begin, next);
    begin = next;
  }
}

// All of one address and protocol: from port to port where a range begins or ends, with those that
// are open there in the order of their width.
void PortRanges::add_pieces(const Range* begin, const Range* end) {
  std::vector<std::uint32_t> cuts;
  std::vector<const Range*> by_first;
  for (const Range* range = begin; range != end; ++range) {
    cuts.push_back(range->address.first);
    cuts.push_back(range->address.last + 1u);
    by_first.push_back(range);
  }
  std::ranges::sort(cuts);
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  std::ranges::sort(by_first, {}, [](const Range* r) { return r->address.first; });

  using Open = std::tuple<unsigned, std::uint32_t, const Range*>;  // width, slot
  std::set<Open> open;
  auto next = by_first.begin();
  const std::uint32_t address = begin->address.address.host();
  std::uint32_t last_slot = 0;
  bool joins = false;  // the piece before ends just before this one
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    for (; next != by_first.end() && (*next)->address.first == cuts[i]; ++next) {
      open.emplace((*next)->address.width(), (*next)->slot, *next);
    }
    std::erase_if(open, [&](const Open& o) { return std::get<2>(o)->address.last < cuts[i]; });
    if (open.empty()) {
      joins = false;
      continue;
    }
    const std::uint32_t slot = std::get<1>(*open.begin());
    const std::uint64_t last =
        key(address, static_cast<std::uint16_t>(cuts[i + 1] - 1), begin->proto);
    if (joins && slot == last_slot) {
      ends_.back() = last;
    } else {
      ends_.push_back(last);
      pieces_.push_back({static_cast<std::uint16_t>(cuts[i]), slot});
    }
    last_slot = slot;
    joins = true;
  }
}

std::uint32_t PortRanges::find(Be32 address, Be16 port, std::uint8_t proto,
                               std::uint32_t none) const {
  const std::uint64_t wanted = key(address.host(), port.host(), proto);
  const auto end = std::ranges::lower_bound(ends_, wanted);
  if (end == ends_.end() || *end >> 16 != wanted >> 16) return none;
  const Piece& piece = pieces_[static_cast<std::size_t>(end - ends_.begin())];
  return piece.first <= port.host() ? piece.slot : none;
}

}  // namespace lb
