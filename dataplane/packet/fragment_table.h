// IPv4 fragments (RFC 791, RFC 815's problem without its reassembly): the first fragment of a
// datagram carries the ports and so the decision; the others follow it. Those that come before it
// are held until it comes. Shared by all workers under per-bucket spin locks: fragments are rare,
// and a NIC may put them on any queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
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

// What the first fragment's datagram was decided to be. `record` is a handle: index and generation,
// rechecked at use.
struct FragmentDecision {
  enum class Kind : std::uint8_t { kConn, kPunt, kDrop } kind = Kind::kPunt;
  std::uint8_t dir = 0;
  std::uint32_t record = 0;
  std::uint32_t generation = 0;
  DropReason reason = DropReason::none;  // of kDrop
};

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

  // A first fragment came: remembers the decision; appends the cookies that waited for it to
  // `released`. False when the table is full: the later fragments will not be recognised.
  bool first(const FragmentKey& key, const FragmentDecision& decision, std::uint32_t now,
             std::vector<void*>& released);

  enum class Found : std::uint8_t { kDecided, kHeld, kFull };
  // A later fragment came: the decision if there is one, else the cookie is held.
  Found later(const FragmentKey& key, std::uint32_t now, void* cookie, FragmentDecision& decision);

  // Appends the cookies of held fragments that waited longer than the lifetime; a bounded slice of
  // the table per call.
  void expire(std::uint32_t now, std::size_t budget, std::vector<void*>& expired);
  // All held cookies, at shutdown.
  void drain(std::vector<void*>& held);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lb
