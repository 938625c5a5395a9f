// The memory of the records: owners, free records, and the limit of connections.
//
// A worker takes records from chunks, which it claims from the common stock as it needs them and
// then owns for ever: it alone expires and frees their records. When the stock is used up and its
// own records too, it takes free ones of other workers' chunks, so that capacity follows the
// traffic; such a record keeps its owner.
//
// The limit is counted apart, in permits: a connection holds one from allocate() to retire(). There
// are some more records than permits, because a killed connection's record stays away for a grace
// period while its permit is free at once. Workers draw permits in batches; when few are left, one
// by one, so that none lies idle with another worker when it is needed.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "config/base/cache_line.h"
#include "dataplane/conn/index_stack.h"
#include "dataplane/conn/record.h"
#include "dataplane/stats/counters.h"

namespace lb {

class RecordPool {
 public:
  static constexpr std::uint32_t kChunk = 256;  // records
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct alignas(kCacheLine) Worker {
    IndexStack free;                               // written by its worker, by others when short
    alignas(kCacheLine) IndexStack dead;           // killed, not yet freed; pushed to by any worker
    alignas(kCacheLine) std::int64_t permits = 0;  // from here on its worker's alone
    std::uint32_t fresh = 0;      // records of the newest chunk that were never used:
    std::uint32_t fresh_end = 0;  // [fresh, fresh_end)
    std::uint32_t first_chunk = kNone;
    std::uint32_t last_chunk = kNone;
    std::uint32_t chunks = 0;
    Counter<std::uint64_t> created;  // read by any thread
    Counter<std::uint64_t> killed;
  };

  // `next_chunk` has one entry per chunk of `records`. The memory is the caller's.
  struct Memory {
    std::span<Record> records;
    std::span<std::uint32_t> next_chunk;
    std::span<Worker> workers;
  };
  static std::uint32_t records_for(std::uint32_t max_connections, unsigned workers);
  RecordPool(const Memory& memory, std::uint32_t max_connections);

  // nullptr at the limit.
  Record* allocate(unsigned worker);
  // Of a record that no index slot ever named.
  void release(unsigned worker, Record& record);
  // Of a record that no index slot names any more: its permit is free, the record waits for its
  // owner to take_dead() it.
  void retire(unsigned worker, Record& record);

  // ---- the owner only
  // The dead records as a list: links are 1 + index, 0 ends it.
  std::uint32_t take_dead(unsigned worker) { return workers_[worker].dead.take_all(); }
  // A list of records that no reader can hold any more, linked from `first` to `last`.
  void free(unsigned worker, std::uint32_t first, std::uint32_t last);
  // Gives back permits that lie idle here while they are short elsewhere.
  void share_permits(unsigned worker);

  // The chunks of a worker in the order in which it got them: their first records' indexes; kNone
  // before the first and after the last.
  std::uint32_t first_chunk(unsigned worker) const { return workers_[worker].first_chunk; }
  std::uint32_t chunk_after(std::uint32_t chunk) const { return next_chunk_[chunk / kChunk]; }
  std::uint32_t chunks(unsigned worker) const { return workers_[worker].chunks; }

  // ---- any thread
  std::atomic<std::uint32_t>& link(std::uint32_t index) { return records_[index].link; }
  std::uint32_t index_of(const Record& record) const {
    return static_cast<std::uint32_t>(&record - records_);
  }
  void count_created(unsigned worker) { workers_[worker].created.add(1); }
  void count_killed(unsigned worker) { workers_[worker].killed.add(1); }
  std::uint64_t live() const;
  // Records below it belong to a worker; no other one was ever used.
  std::uint32_t claimed() const { return unclaimed_.load(std::memory_order_relaxed); }
  // Permits that no worker holds. Relaxed: as all permits.
  std::int64_t room() const { return permits_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::int64_t kPermitBatch = 64;

  auto links() {
    return [this](std::uint32_t index) -> std::atomic<std::uint32_t>& { return link(index); };
  }
  Record* take_record(unsigned worker);
  bool claim_chunk(unsigned worker);
  bool take_permit(Worker& worker);
  void give_permit(Worker& worker);
  void flush_permits(Worker& worker);

  Record* records_;
  std::uint32_t* next_chunk_;
  std::span<Worker> workers_;
  std::uint32_t record_count_;
  std::int64_t few_permits_;
  alignas(kCacheLine) std::atomic<std::uint32_t> unclaimed_{0};  // records below it are claimed
  alignas(kCacheLine) std::atomic<std::int64_t> permits_;
};

}  // namespace lb
