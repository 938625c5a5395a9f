// IPv4 fragments (RFC 791, RFC 815's problem without its reassembly): the first fragment of a
// datagram carries the ports and so the decision; the others follow it. Those that come before it
// are held until it comes. Shared by all workers under per-bucket spin locks: fragments are rare,
// and a NIC may put them on any queue.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "dataplane/packet/flow.h"
#include "dataplane/stats/drop_reason.h"

namespace lb {

struct FragmentKey {
  Be32 src;
  Be32 dst;
  Be16 id;
  std::uint8_t proto = 0;
  bool operator==(const FragmentKey&) const = default;
};

// What was decided about a datagram by its first fragment. `dir`: 0 from the client, 1 from the
// real server.
namespace fragment {
struct ToKernel {
  bool operator==(const ToKernel&) const = default;
};
struct Dropped {
  DropReason reason = DropReason::none;
  bool operator==(const Dropped&) const = default;
};
// Of a connection. The handle of its record, to be checked again at use.
struct OfConnection {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
  std::uint8_t dir = 0;
  bool operator==(const OfConnection&) const = default;
};
// Of a service without connections. The slots as they were then, to be checked again at use.
struct Stateless {
  std::uint32_t real_server = 0;
  std::uint32_t service = 0;
  std::uint8_t dir = 0;
  bool operator==(const Stateless&) const = default;
};
}  // namespace fragment
using FragmentDecision = std::variant<fragment::ToKernel, fragment::Dropped, fragment::OfConnection,
                                      fragment::Stateless>;

// All memory is taken at construction. Every function may be called by any thread at any time.
// `now` is the coarse tick; it wraps, and workers may be a tick apart.
class FragmentTable {
 public:
  struct Options {
    std::size_t datagrams = 4096;        // in flight
    std::size_t held_per_datagram = 64;  // fragments waiting for their first
    std::size_t held_total = 8192;
    std::uint32_t lifetime_ticks = 20;  // after the last fragment
  };
  explicit FragmentTable(const Options& options);
  ~FragmentTable();

  // A first fragment came: remembers the decision (in place of an older one for the same key);
  // appends the cookies that waited for it to `released`, in the order in which they came. False
  // when the table is full: the later fragments will not be recognised.
  bool first(const FragmentKey& key, const FragmentDecision& decision, std::uint32_t now,
             std::vector<void*>& released);

  enum class Found : std::uint8_t { kDecided, kHeld, kFull };
  // A later fragment came: the decision if there is one, else the cookie is held.
  Found later(const FragmentKey& key, std::uint32_t now, void* cookie, FragmentDecision& decision);

  // Appends the cookies of held fragments whose datagram waited longer than the lifetime, and
  // forgets decisions that were not used for that long. Checks about `budget` places for
  // datagrams and continues where the last call, of any thread, ended.
  void expire(std::uint32_t now, std::size_t budget, std::vector<void*>& expired);
  // All held cookies, at shutdown.
  void drain(std::vector<void*>& held);

  // Datagrams remembered now.
  std::size_t size() const { return used_.load(std::memory_order_relaxed); }

 private:
  struct Entry;
  struct Bucket;
  class HeldPool;

  Bucket& bucket_of(const FragmentKey& key);
  Entry* claim(Bucket& bucket, std::uint32_t now);
  void forget(Bucket& bucket, Entry& entry);
  bool is_over(const Entry& entry, std::uint32_t now) const;
  void sweep(Bucket& bucket, std::uint32_t now, bool all, std::vector<void*>& held);

  const Options options_;
  std::size_t bucket_mask_ = 0;
  std::uint64_t seeds_[2] = {};
  std::unique_ptr<Bucket[]> buckets_;
  std::unique_ptr<HeldPool> pool_;
  std::atomic<std::size_t> used_{0};
  std::atomic<std::size_t> cursor_{0};
};

}  // namespace lb
