// From one worker to the exporter: which connections have changed, which have ended. The worker
// writes and never waits; the main thread reads. When a ring is full the worker marks the range of
// the table instead, which is walked later.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/conn/record.h"
#include "dataplane/sync/ring.h"

namespace lb {

// A connection's number for the peer, from its handle: distinguishes two successive ones with the
// same addresses. Never 0.
constexpr std::uint16_t sync_id_of(Handle handle) {
  const std::uint32_t mixed = (handle.index ^ handle.generation * 0x9e3779b1U) * 0x85ebca6bU;
  const auto id = static_cast<std::uint16_t>(mixed >> 16);
  return id == 0 ? 1 : id;
}

struct EndedConn {
  FlowTuple tuple;  // the client's
  std::uint8_t proto = 0;
  bool of_peer = false;  // the peer has sent it once
  Handle handle;         // what named it while it lived
};

// Ranges of the table to be walked again: any thread marks, the main thread takes.
class RangeMarks {
 public:
  static constexpr std::uint32_t kRange = 4096;  // records

  explicit RangeMarks(std::uint32_t records)
      : ranges_(records / kRange + 1),
        marked_(std::make_unique<std::atomic<std::uint8_t>[]>(ranges_)) {}

  void mark(std::uint32_t index) {
    // Release: pairs with take(); what was done to the record before is seen there.
    marked_[index / kRange].store(1, std::memory_order_release);
    any_.store(true, std::memory_order_release);  // pairs with take_any()
  }
  // Whether any was marked since the last call of take_any().
  bool any() const { return any_.load(std::memory_order_relaxed); }
  bool take_any() { return any() && any_.exchange(false, std::memory_order_acquire); }
  bool take(std::uint32_t range) {
    return marked_[range].load(std::memory_order_relaxed) != 0 &&
           marked_[range].exchange(0, std::memory_order_acquire) != 0;
  }
  std::uint32_t ranges() const { return ranges_; }

 private:
  const std::uint32_t ranges_;
  const std::unique_ptr<std::atomic<std::uint8_t>[]> marked_;
  std::atomic<bool> any_{false};
};

class ChangeLog {
 public:
  static constexpr std::size_t kEntries = 131'072;

  // Each of the rings has room for so many entries.
  explicit ChangeLog(RangeMarks& marks, std::size_t entries = kEntries)
      : marks_(marks), changed_(entries), ended_(entries) {}

  // ---- the worker
  void changed(Handle handle) {
    if (!on_.load(std::memory_order_relaxed) || changed_.push(handle)) return;
    marks_.mark(handle.index);
    lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  // `last` is the state that the connection had. The peer has none that no server answered; one that was
  // opened on the ports of a closed one has its copy there, which expires by itself.
  void ended(const Record& record, std::uint32_t index, ConnState last) {
    if (!on_.load(std::memory_order_relaxed) || !is_synchronized(last)) return;
    // The generation went up by one when the connection ended.
    const Handle was{index, record.generation.load(std::memory_order_relaxed) - 1};
    const bool of_peer = record.sync_id.load(std::memory_order_relaxed) != 0;
    if (ended_.push({record.tuple[0], record.proto, of_peer, was})) return;
    lost_ends_.store(lost_ends_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  // ---- the main thread
  // Off: nothing is logged, as there is no peer.
  void turn(bool on) { on_.store(on, std::memory_order_relaxed); }
  SpscRing<Handle>& changed_ring() { return changed_; }
  SpscRing<EndedConn>& ended_ring() { return ended_; }
  const SpscRing<Handle>& changed_ring() const { return changed_; }
  const SpscRing<EndedConn>& ended_ring() const { return ended_; }
  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }
  std::uint64_t lost_ends() const { return lost_ends_.load(std::memory_order_relaxed); }

 private:
  RangeMarks& marks_;
  std::atomic<bool> on_{false};
  std::atomic<std::uint64_t> lost_{0};  // went into a mark
  std::atomic<std::uint64_t> lost_ends_{0};
  SpscRing<Handle> changed_;
  SpscRing<EndedConn> ended_;
};

}  // namespace lb
