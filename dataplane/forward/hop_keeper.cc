#include "dataplane/forward/hop_keeper.h"

namespace lb {

namespace {
constexpr std::uint32_t kHopSlice = 4096;      // entries of the hop table per call
constexpr std::uint32_t kSettleSlice = 256;    // the same; each may be searched in a whole set
constexpr std::size_t kRecordSlice = 512;      // records read per call
constexpr std::size_t kReturnPathSlice = 256;  // cache lines read per call
// Between the beginnings of two passes: a table that many hops really use is not walked all the
// time.
constexpr std::uint32_t kHopPauseTicks = 100;
}  // namespace

void HopKeeper::run(const Snapshot& snapshot, std::uint32_t now) {
  switch (step_) {
    case Step::kIdle:
      step_ = begin(now);
      return;
    case Step::kEpoch:
      if (hops_.grace_passed()) step_ = Step::kConnections;
      return;
    case Step::kConnections:
      return mark_connections();
    case Step::kReturnPaths:
      return mark_return_paths(snapshot);
    case Step::kCondemn:
      walk(hops_.condemn(static_cast<std::uint32_t>(cursor_), kHopSlice), Step::kCondemned);
      if (step_ == Step::kCondemned) hops_.begin_free();
      return;
    case Step::kCondemned:
      if (hops_.grace_passed()) step_ = Step::kFree;
      return;
    case Step::kFree:
      return walk(hops_.free(static_cast<std::uint32_t>(cursor_), kHopSlice), Step::kIdle);
    case Step::kSettle:
      return walk(hops_.settle(static_cast<std::uint32_t>(cursor_), kSettleSlice), Step::kIdle);
  }
}

HopKeeper::Step HopKeeper::begin(std::uint32_t now) {
  if (hops_.is_unsettled()) {
    hops_.begin_settle();
    return Step::kSettle;
  }
  if (!hops_.is_crowded() || (ever_ && now - began_ < kHopPauseTicks)) return Step::kIdle;
  ever_ = true;
  began_ = now;
  hops_.begin_epoch();
  return Step::kEpoch;
}

void HopKeeper::walk(std::uint32_t next, Step after) {
  cursor_ = next;
  if (next == 0) step_ = after;
}

void HopKeeper::mark_connections() {
  const auto mark = [this](const Record& record) {
    hops_.mark(record.client_hop.load(std::memory_order_acquire));
  };
  walk(table_.walk_all(static_cast<std::uint32_t>(cursor_), kRecordSlice, mark),
       Step::kReturnPaths);
}

// Those of a snapshot that comes meanwhile have looked up all of their hops in this epoch.
void HopKeeper::mark_return_paths(const Snapshot& snapshot) {
  cursor_ = snapshot.return_paths == nullptr
                ? 0
                : snapshot.return_paths->mark(cursor_, kReturnPathSlice, hops_);
  if (cursor_ == 0) step_ = Step::kCondemn;
}

}  // namespace lb
