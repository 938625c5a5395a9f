// What a connection must pass before a service accepts it: the lists of clients, and the limits on
// new connections. Only services that are configured with either have a gate, and only packets that
// would open a connection come to it.
//
// Limits are kept by the time at which a bucket would be full again (GCRA): one word, moved by one
// compare-and-swap, so that they are exact over all workers. Time comes in the workers' coarse
// ticks: what a bucket gains, it gains ten times a second.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "config/base/byte_order.h"
#include "config/base/cache_line.h"
#include "config/base/service_settings.h"
#include "dataplane/service/access_list.h"
#include "dataplane/stats/drop_reason.h"

namespace lb {

inline constexpr std::uint32_t kMaxPerSecond = 10'000'000;

// A rate in the words that buckets are kept in: sixteenths of a nanosecond.
class Rate {
 public:
  Rate() = default;
  Rate(std::uint32_t per_second, std::chrono::milliseconds burst);
  // Takes one of the bucket; false: it is empty. Any worker.
  bool take(std::atomic<std::uint64_t>& full_at, std::uint64_t now) const;
  // Whether take() would succeed.
  bool has(const std::atomic<std::uint64_t>& full_at, std::uint64_t now) const;
  std::uint64_t interval() const { return interval_; }
  static std::uint64_t time_of(std::uint32_t tick);

 private:
  std::uint64_t interval_ = 0;
  std::uint64_t depth_ = 0;
};

// The buckets of the clients of all services, so many and no more: a client's is forgotten when
// another one needs its place, first of those that are full or nearly so.
class ClientBuckets {
 public:
  static constexpr std::size_t kWays = 4;  // of a cache line
  explicit ClientBuckets(std::size_t clients = std::size_t{1} << 18);
  // Any worker. Workers that meet at the same place may forget a connection.
  bool take(std::uint32_t service_slot, std::uint32_t client, const Rate& rate, std::uint64_t now);
  // Whether take() would succeed; nothing is remembered.
  bool has(std::uint32_t service_slot, std::uint32_t client, const Rate& rate,
           std::uint64_t now) const;

 private:
  struct Entry {
    std::atomic<std::uint64_t> key{0};  // 0: free
    std::atomic<std::uint64_t> full_at{0};
  };
  struct alignas(kCacheLine) Set {
    std::array<Entry, kWays> entries;
  };
  static std::uint64_t key_of(std::uint32_t service_slot, std::uint32_t client) {
    return std::uint64_t{1} << 63 | std::uint64_t{service_slot} << 32 | client;
  }

  std::vector<Set> sets_;  // a power of two
};

// How many connections a gate refused.
struct Refused {
  std::uint64_t denied = 0;
  std::uint64_t service_rate_limited = 0;
  std::uint64_t client_rate_limited = 0;
};

class Gate {
 public:
  // What outlives a snapshot: `before` is the gate that the service had.
  Gate(std::uint32_t service_slot, std::shared_ptr<const AccessList> access,
       const ConnLimits& limits, std::shared_ptr<ClientBuckets> clients, const Gate* before);

  // Whether a connection from `client` may be opened now: DropReason::none. Any worker.
  DropReason admit(Be32 client, std::uint32_t tick, unsigned worker) const;
  // Whether admit() would let it, of a client whose address is not proven: it takes nothing of the limits,
  // so that a flood of invented addresses does not use them up. A refusal is counted.
  DropReason preview(Be32 client, std::uint32_t tick, unsigned worker) const;
  Refused refused() const;  // any thread

 private:
  // Written by the workers: when a limit applies, and when a client is refused.
  struct State {
    alignas(kCacheLine) std::atomic<std::uint64_t> full_at{0};
    struct alignas(kCacheLine) Counts {
      std::atomic<std::uint64_t> denied{0};
      std::atomic<std::uint64_t> service_rate_limited{0};
      std::atomic<std::uint64_t> client_rate_limited{0};
    };
    std::array<Counts, 8> counts;  // workers take turns
  };

  std::uint32_t service_slot_;
  std::shared_ptr<const AccessList> access_;  // null: everyone may
  ConnLimits limits_;
  Rate service_rate_;
  Rate client_rate_;
  std::uint32_t client_mask_;
  std::shared_ptr<ClientBuckets> clients_;  // null: no limit per client
  std::shared_ptr<State> state_;
};

}  // namespace lb
