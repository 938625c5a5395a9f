// Return paths to clients, for services without connections, whose records would have them. The
// number of clients is bounded: one that was idle is forgotten when another one needs its place.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "config/base/byte_order.h"
#include "config/base/cache_line.h"
#include "dataplane/conn/hop_table.h"

namespace lb {

class ReturnPaths {
 public:
  static constexpr std::size_t kPlaces = 8;  // of a cache line
  explicit ReturnPaths(std::size_t clients = std::size_t{1} << 18);

  // ---- any worker
  // `now` is the coarse tick: new clients of one tick replace each other before any others. When
  // `hops` has no room for a new hop a known client keeps its old one, and another one has none:
  // false.
  bool learn(Be32 client, ClientHop hop, std::uint32_t now, HopTable& hops);
  // Index in the hop table; kNone: unknown.
  std::uint32_t find(Be32 client) const;

  // Marks the hops of a slice of the clients, see HopTable. Begins at cursor 0, goes on at what it
  // returned; 0 at the end.
  std::size_t mark(std::size_t cursor, std::size_t budget, HopTable& hops) const;

 private:
  // Client and hop in one word, so that a reader never has one of this and one of that; 0: empty.
  static std::uint64_t entry_of(Be32 client, std::uint32_t hop) {
    return std::uint64_t{client.raw} << 32 | hop;
  }
  static std::uint32_t client_of(std::uint64_t entry) {
    return static_cast<std::uint32_t>(entry >> 32);
  }
  static std::uint32_t hop_of(std::uint64_t entry) { return static_cast<std::uint32_t>(entry); }

  struct alignas(kCacheLine) Set {
    std::array<std::atomic<std::uint64_t>, kPlaces> entries{};
  };
  std::size_t set_of(Be32 client) const;

  std::vector<Set> sets_;  // a power of two
};

}  // namespace lb
