// Ways back to clients: what a connection's record knows of its client, for services that keep no
// connections. So many clients and no more: a client that sent nothing lately is forgotten when
// another one needs its place.
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
  // Any worker. `now` is the coarse tick: newcomers of one tick take the places of one another
  // before those of all others.
  void learn(Be32 client, ClientHop hop, std::uint32_t now);
  std::optional<ClientHop> find(Be32 client) const;

 private:
  // Both words are written one after the other, without a lock: an entry that two workers wrote
  // half each, or that is just being written, does not add up and is nobody's.
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
