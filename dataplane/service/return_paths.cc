#include "dataplane/service/return_paths.h"

#include <algorithm>
#include <bit>

namespace lb {
namespace {

// All bits from all bits.
std::uint64_t spread(std::uint64_t key) {
  key = (key ^ key >> 33) * 0xff51afd7ed558ccd;
  key = (key ^ key >> 33) * 0xc4ceb9fe1a85ec53;
  return key ^ key >> 33;
}

}  // namespace

ReturnPaths::ReturnPaths(std::size_t clients)
    : sets_(std::bit_ceil(std::max<std::size_t>(clients / kPlaces, 1))) {}

std::size_t ReturnPaths::set_of(Be32 client) const {
  return spread(client.raw) & (sets_.size() - 1);
}

bool ReturnPaths::learn(Be32 client, ClientHop hop, std::uint32_t now, HopTable& hops) {
  auto& entries = sets_[set_of(client)].entries;
  std::atomic<std::uint64_t>* place = &entries[now % kPlaces];
  bool known = false;
  for (std::atomic<std::uint64_t>& at : entries) {
    // Acquire: pairs with the release below; the index's word is there.
    const std::uint64_t entry = at.load(std::memory_order_acquire);
    if (entry == 0) {
      place = &at;
    } else if (client_of(entry) == client.raw) {
      // As a rule; the line stays clean for the other workers.
      if (hops.at(hop_of(entry)) == hop) return true;
      place = &at;
      known = true;
      break;
    }
  }
  const std::uint32_t index = hops.look_up(hop);
  if (index == HopTable::kNone) return known;
  place->store(entry_of(client, index), std::memory_order_release);
  return true;
}

std::uint32_t ReturnPaths::find(Be32 client) const {
  for (const std::atomic<std::uint64_t>& at : sets_[set_of(client)].entries) {
    const std::uint64_t entry = at.load(std::memory_order_acquire);
    if (entry != 0 && client_of(entry) == client.raw) return hop_of(entry);
  }
  return HopTable::kNone;
}

std::size_t ReturnPaths::mark(std::size_t cursor, std::size_t budget, HopTable& hops) const {
  for (; budget > 0 && cursor < sets_.size(); --budget, ++cursor) {
    for (const std::atomic<std::uint64_t>& at : sets_[cursor].entries) {
      const std::uint64_t entry = at.load(std::memory_order_acquire);
      if (entry != 0) hops.mark(hop_of(entry));
    }
  }
  return cursor < sets_.size() ? cursor : 0;
}

}  // namespace lb
