// A worker's half-open connections, oldest first, for the policy of a full table.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/conn/record.h"

namespace lb {

// A ring of the worker's last half-open connections in the order of their creation. Whether one is
// still half-open is asked of its record when its turn comes, so that becoming established or dying
// costs nothing here. When the ring is full the oldest is forgotten: it ends by its timeout then.
// Its worker's alone.
class HalfOpenRing {
 public:
  // `memory` has a power of two of entries.
  HalfOpenRing(std::span<Handle> memory, Record* records)
      : entries_(memory.data()),
        records_(records),
        mask_(static_cast<std::uint32_t>(memory.size()) - 1) {}

  void push(Handle handle) {
    if (tail_ - head_ > mask_) ++head_;
    entries_[tail_++ & mask_] = handle;
  }

  // The oldest that is still half-open; stays in the ring. Drops those before it that are not, but
  // looks at no more than `most` of them: nullptr then, and the next call goes on.
  Record* oldest(unsigned most) {
    for (; head_ != tail_ && most > 0; ++head_, --most) {
      __builtin_prefetch(&records_[entries_[(head_ + kAhead) & mask_].index]);
      const Handle handle = entries_[head_ & mask_];
      Record& record = records_[handle.index];
      // The generation first, with acquire: when it is the connection's own, the state is so too,
      // or a later one.
      if (record.generation.load(std::memory_order_acquire) == handle.generation &&
          is_half_open(record.state.load(std::memory_order_acquire))) {
        return &record;
      }
    }
    return nullptr;
  }

  // The record that is `ahead` entries behind the oldest, whatever became of its connection;
  // nullptr: there are not so many.
  const Record* behind_oldest(unsigned ahead) const {
    if (tail_ - head_ <= ahead) return nullptr;
    return &records_[entries_[(head_ + ahead) & mask_].index];
  }

 private:
  static constexpr unsigned kAhead = 8;

  Handle* entries_;
  Record* records_;
  std::uint32_t mask_;
  std::uint32_t head_ = 0;
  std::uint32_t tail_ = 0;
};

}  // namespace lb
