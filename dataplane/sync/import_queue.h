// Batches from the HA peer on their way to the worker that puts them into the table. The main
// thread owns the batches; the worker reads them in order, in slices.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "dataplane/sync/batch.h"
#include "dataplane/sync/ring.h"

namespace lb {

class ImportQueue {
 public:
  // ---- the main thread
  // False: too much waits already, nothing was accepted.
  bool push(std::vector<SyncEntry>&& batch) {
    reclaim();
    if (waiting_entries_ > kMostEntries || batches_.size() >= kMostBatches) return false;
    waiting_entries_ += batch.size();
    batches_.push_back(std::move(batch));
    ring_.push(&batches_.back());  // a deque's elements stay where they are
    ++begun_;
    return true;
  }
  std::uint64_t begun() const { return begun_; }
  std::uint64_t done() const { return done_.load(std::memory_order_acquire); }

  // ---- the worker
  // The next entries; none: nothing waits.
  std::span<const SyncEntry> next() {
    while (ring_.waiting() != 0) {
      const std::vector<SyncEntry>& batch = *ring_.peek(0);
      if (at_ < batch.size()) return std::span(batch).subspan(at_);
      at_ = 0;
      ring_.pop(1);
      // Release: the batch is in the table when the main thread sees this.
      done_.store(done_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    return {};
  }
  void taken(std::size_t entries) { at_ += entries; }

 private:
  static constexpr std::size_t kMostBatches = 64;
  static constexpr std::size_t kMostEntries = 200'000;

  void reclaim() {
    for (const std::uint64_t done = this->done(); reclaimed_ < done; ++reclaimed_) {
      waiting_entries_ -= batches_.front().size();
      batches_.pop_front();
    }
  }

  // The main thread's.
  std::deque<std::vector<SyncEntry>> batches_;
  std::size_t waiting_entries_ = 0;
  std::uint64_t begun_ = 0;
  std::uint64_t reclaimed_ = 0;

  SpscRing<const std::vector<SyncEntry>*> ring_{kMostBatches};

  // The worker's.
  std::size_t at_ = 0;  // in the first batch
  std::atomic<std::uint64_t> done_{0};
};

}  // namespace lb
