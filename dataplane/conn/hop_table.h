// The next hops to clients. A record names its hop by index, so that all connections behind a
// router move to its new MAC address by one store, however many they are.
//
// What holds at any time:
//  - An index stays valid, and its hop with it, while a live record or a return path has it.
//  - A hop may be there several times: after moves, or when two workers meet it for the first time
//    at once. Two indexes are the same hop when their words are equal; that is all that counts.
//  - An entry belongs to the set of the hop that it was made for, and keeps its place when that
//    hop moves. Hops that moved are entered again by settle(), so that new connections find them
//    even while strangers fill the table.
//
// An entry's mark says what it is:
//  0           free
//  an epoch    in use; last marked in that pass of reclaim
//  kCondemned  looked up by nobody any more, and read only by workers that found it before
//
// Reclaim (HopKeeper runs it, in one worker): a new epoch, a grace period, a walk that marks what
// records and return paths have; condemn() what has an older mark; a grace period; free it. What is
// looked up meanwhile is marked by whoever looks it up, so that no walk needs to find it.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "dataplane/conn/grace_period.h"
#include "dataplane/packet/hop.h"

namespace lb {

// Connections to `from` continue to `to`.
struct HopMove {
  ClientHop from;
  ClientHop to;
};

class HopTable {
 public:
  // Of an entry that is never given out; look_up() returns it when there is no room.
  static constexpr std::uint32_t kNone = 0;
  static constexpr std::uint32_t kSet = 64;      // places that a hop may have: eight lines
  static constexpr std::uint32_t kReserved = 8;  // of them, for hops that moved
  static constexpr std::uint32_t kMost = 65'536;

  // Both of one length: a power of two, 2 * kSet at least. The memory is the caller's and outlives the
  // table. `key` is random, so that no stranger can aim at one set.
  struct Memory {
    std::span<std::atomic<std::uint64_t>> words;
    std::span<std::atomic<std::uint32_t>> marks;
  };
  static std::uint32_t entries_for(std::uint32_t max_connections);
  HopTable(const Memory& memory, std::uint64_t key, GracePeriod& grace);
  HopTable(const HopTable&) = delete;
  HopTable& operator=(const HopTable&) = delete;

  // ---- any worker
  // By index; for the fast loop.
  const std::atomic<std::uint64_t>* words() const { return words_.data(); }
  ClientHop at(std::uint32_t index) const {
    return {words_[index].load(std::memory_order_acquire)};
  }
  // Enters an unknown hop. kNone: its set is full.
  std::uint32_t look_up(ClientHop hop) {
    // Acquire: pairs with begin_epoch().
    const std::uint32_t epoch = epoch_.load(std::memory_order_acquire);
    // As a rule it is the only one of its set.
    const std::uint32_t first = set_of(hop);
    // The mark first: what has it is not freed before this burst is over. The word alone may be that of
    // an entry which is freed and made for another hop just now. Acquire: pairs with insert(), move() and
    // free().
    if (marks_[first].load(std::memory_order_acquire) == epoch &&
        words_[first].load(std::memory_order_acquire) == hop.word) [[likely]] {
      return first;
    }
    return look_up_whole_set(hop, epoch);
  }

  // ---- any thread, one at a time
  // All moves at once: two hops may change places. Returns whether one of them was in use.
  bool move(std::span<const HopMove> moves);

  // ---- any thread
  std::uint32_t size() const { return static_cast<std::uint32_t>(words_.size()); }
  std::uint32_t used() const { return used_.load(std::memory_order_relaxed); }

  // ---- reclaim: one worker, the steps in this order; those with a cursor begin at 0, go on at what
  // they returned, and return 0 at the end
  bool is_crowded() const;  // reclaim is due
  void begin_epoch();
  bool grace_passed() const;
  void mark(std::uint32_t index) { keep(index, epoch_.load(std::memory_order_relaxed)); }
  std::uint32_t condemn(std::uint32_t cursor, std::uint32_t budget);
  void begin_free();
  std::uint32_t free(std::uint32_t cursor, std::uint32_t budget);
  // After moves and after the last step: enters each hop again that look_up() would not find.
  bool is_unsettled() const { return unsettled_.load(std::memory_order_acquire); }
  void begin_settle() { unsettled_.store(false, std::memory_order_relaxed); }
  std::uint32_t settle(std::uint32_t cursor, std::uint32_t budget);

 private:
  static constexpr std::uint32_t kFree = 0;
  static constexpr std::uint32_t kCondemned = ~std::uint32_t{0};

  // Where the set of a hop begins.
  std::uint32_t set_of(ClientHop hop) const {
    std::uint64_t hash = hop.word * key_;
    hash = (hash ^ hash >> 32) * 0xff51afd7ed558ccd;
    return static_cast<std::uint32_t>(hash >> shift_) * kSet;
  }
  std::uint32_t look_up_whole_set(ClientHop hop, std::uint32_t epoch);
  std::uint32_t find(ClientHop hop, std::uint32_t epoch);
  std::uint32_t insert(ClientHop hop, std::uint32_t places, std::uint32_t epoch);
  bool keep(std::uint32_t index, std::uint32_t epoch);

  const std::span<std::atomic<std::uint64_t>> words_;
  const std::span<std::atomic<std::uint32_t>> marks_;
  const std::uint64_t key_;
  const unsigned shift_;
  GracePeriod& grace_;
  std::uint64_t token_ = 0;  // the reclaiming worker's
  std::atomic<std::uint32_t> epoch_{1};
  std::atomic<std::uint32_t> used_{1};  // with that of kNone
  std::atomic<bool> refused_{false};    // since the last epoch began
  std::atomic<bool> unsettled_{false};
};

}  // namespace lb
