#include "dataplane/service/return_paths.h"

#include <algorithm>
#include <bit>

namespace lb {
namespace {

// One to one, all bits from all bits, and 0 of none: an empty entry matches no client.
std::uint64_t key_of(Be32 client) {
  std::uint64_t key = std::uint64_t{client.raw} | std::uint64_t{1} << 32;
  key = (key ^ key >> 33) * 0xff51afd7ed558ccd;
  key = (key ^ key >> 33) * 0xc4ceb9fe1a85ec53;
  return key ^ key >> 33;
}

}  // namespace

ReturnPaths::ReturnPaths(std::size_t clients)
    : sets_(std::bit_ceil(std::max<std::size_t>(clients / kPlaces, 1))) {}

void ReturnPaths::learn(Be32 client, ClientHop hop, std::uint32_t now) {
  const std::uint64_t key = key_of(client);
  Set& set = sets_[key & (sets_.size() - 1)];
  Entry* place = &set.entries[now % kPlaces];
  for (Entry& entry : set.entries) {
    const std::uint64_t there = entry.hop.load(std::memory_order_relaxed);
    const std::uint64_t check = entry.check.load(std::memory_order_relaxed);
    if ((there ^ check) == key) {
      if (there == hop.word) return;  // as a rule; the line stays clean for the other workers
      place = &entry;
      break;
    }
    if (check == 0) place = &entry;
  }
  // Relaxed: the words validate each other, in whatever order they are seen.
  place->hop.store(hop.word, std::memory_order_relaxed);
  place->check.store(hop.word ^ key, std::memory_order_relaxed);
}

std::optional<ClientHop> ReturnPaths::find(Be32 client) const {
  const std::uint64_t key = key_of(client);
  for (const Entry& entry : sets_[key & (sets_.size() - 1)].entries) {
    const std::uint64_t hop = entry.hop.load(std::memory_order_relaxed);
    if ((hop ^ entry.check.load(std::memory_order_relaxed)) == key) return ClientHop{hop};
  }
  return std::nullopt;
}

}  // namespace lb
