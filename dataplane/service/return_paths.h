// Return paths to clients, for services without connections, whose records would have them. The
// number of clients is bounded: one that was idle is forgotten when another one needs its place.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "config/base/byte_order.h"
#include "config/base/cache_line.h"
#include "dataplane/packet/hop.h"

namespace lb {

class ReturnPaths {
 public:
  static constexpr std::size_t kPlaces = 4;  // of a cache line
  explicit ReturnPaths(std::size_t clients = std::size_t{1} << 18);
  // Any worker. `now` is the coarse tick: new clients of one tick replace each other before any
  // others.
  void learn(Be32 client, ClientHop hop, std::uint32_t now);
  std::optional<ClientHop> find(Be32 client) const;

 private:
  // Both words are written one after the other, without a lock: an entry that two workers wrote
  // half each, or that is being written, fails the check and is ignored.
  struct Entry {
    std::atomic<std::uint64_t> hop{0};
    std::atomic<std::uint64_t> check{0};  // hop ^ the client's key
  };
  struct alignas(kCacheLine) Set {
    std::array<Entry, kPlaces> entries;
  };
  std::vector<Set> sets_;  // a power of two
};

}  // namespace lb
