#include "dataplane/conn/record_pool.h"

namespace lb {

std::uint32_t RecordPool::records_for(std::uint32_t max_connections, unsigned workers) {
  // To spare: what waits for a grace period, and a started chunk of each worker.
  const std::uint64_t wanted =
      std::uint64_t{max_connections} + max_connections / 64 + std::uint64_t{workers} * 2 * kChunk;
  return static_cast<std::uint32_t>((wanted + kChunk - 1) / kChunk * kChunk);
}

RecordPool::RecordPool(const Memory& memory, std::uint32_t max_connections)
    : records_(memory.records.data()),
      next_chunk_(memory.next_chunk.data()),
      workers_(memory.workers),
      record_count_(static_cast<std::uint32_t>(memory.records.size())),
      few_permits_(static_cast<std::int64_t>(memory.workers.size()) * 4 * kPermitBatch),
      permits_(max_connections) {}

// ---- permits. Relaxed throughout: they are counted, nothing hangs on their order.

bool RecordPool::take_permit(Worker& worker) {
  if (worker.permits > 0) {
    --worker.permits;
    return true;
  }
  std::int64_t left = permits_.load(std::memory_order_relaxed);
  while (left > 0) {
    const std::int64_t take = left > few_permits_ ? kPermitBatch : 1;
    if (permits_.compare_exchange_weak(left, left - take, std::memory_order_relaxed)) {
      worker.permits = take - 1;
      return true;
    }
  }
  return false;
}

void RecordPool::give_permit(Worker& worker) {
  ++worker.permits;
  if (worker.permits >= 2 * kPermitBatch ||
      permits_.load(std::memory_order_relaxed) <= few_permits_) {
    flush_permits(worker);
  }
}

void RecordPool::flush_permits(Worker& worker) {
  permits_.fetch_add(worker.permits, std::memory_order_relaxed);
  worker.permits = 0;
}

void RecordPool::share_permits(unsigned worker) {
  Worker& w = workers_[worker];
  if (w.permits > 0 && permits_.load(std::memory_order_relaxed) <= few_permits_) flush_permits(w);
}

// ---- records

bool RecordPool::claim_chunk(unsigned worker) {
  std::uint32_t first = unclaimed_.load(std::memory_order_relaxed);
  do {
    if (first >= record_count_) return false;
  } while (!unclaimed_.compare_exchange_weak(first, first + kChunk, std::memory_order_relaxed));
  Worker& w = workers_[worker];
  next_chunk_[first / kChunk] = kNone;
  (w.last_chunk == kNone ? w.first_chunk : next_chunk_[w.last_chunk / kChunk]) = first;
  w.last_chunk = first;
  ++w.chunks;
  w.fresh = first;
  w.fresh_end = first + kChunk;
  return true;
}

Record* RecordPool::take_record(unsigned worker) {
  Worker& w = workers_[worker];
  // The next connection's record comes into the cache while this one's is worked on.
  const std::uint32_t index =
      w.free.pop(links(), [this](std::uint32_t next) { __builtin_prefetch(&records_[next], 1); });
  if (index != IndexStack::kEmpty) return &records_[index];
  if (w.fresh != w.fresh_end || claim_chunk(worker)) {
    Record& record = records_[w.fresh++];
    record.owner = static_cast<std::uint8_t>(worker);
    return &record;
  }
  for (std::size_t i = 1; i < workers_.size(); ++i) {
    const std::uint32_t other = workers_[(worker + i) % workers_.size()].free.pop(links());
    if (other != IndexStack::kEmpty) return &records_[other];
  }
  return nullptr;
}

Record* RecordPool::allocate(unsigned worker) {
  if (!take_permit(workers_[worker])) return nullptr;
  Record* record = take_record(worker);
  if (record == nullptr) give_permit(workers_[worker]);
  return record;
}

void RecordPool::release(unsigned worker, Record& record) {
  const std::uint32_t index = index_of(record);
  workers_[record.owner].free.push(index, index, links());
  give_permit(workers_[worker]);
}

void RecordPool::retire(unsigned worker, Record& record) {
  const std::uint32_t index = index_of(record);
  workers_[record.owner].dead.push(index, index, links());
  give_permit(workers_[worker]);
}

void RecordPool::free(unsigned worker, std::uint32_t first, std::uint32_t last) {
  workers_[worker].free.push(first, last, links());
}

std::uint64_t RecordPool::live() const {
  // The ends first: of a connection that comes and goes meanwhile at most the beginning is seen.
  std::uint64_t killed = 0;
  for (const Worker& w : workers_) killed += w.killed.get();
  std::uint64_t created = 0;
  for (const Worker& w : workers_) created += w.created.get();
  return created > killed ? created - killed : 0;
}

}  // namespace lb
