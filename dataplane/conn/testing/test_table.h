// A connection table with its memory and a grace period of its own, for tests and benchmarks.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <vector>

#include "config/base/cache_line.h"
#include "dataplane/conn/table.h"

namespace lb::test {

// Quiescent-state reclamation in its plainest form: a worker says which epoch it has seen while it
// held nothing.
class Epochs final : public GracePeriod {
 public:
  explicit Epochs(unsigned workers) : seen_(workers) {}

  std::uint64_t start() override { return epoch_.fetch_add(1) + 1; }
  bool passed(std::uint64_t token) const override {
    for (const Seen& worker : seen_) {
      if (worker.epoch.load() < token) return false;
    }
    return true;
  }
  void quiescent(unsigned worker) { seen_[worker].epoch.store(epoch_.load()); }
  // The worker holds nothing until its next quiescent().
  void offline(unsigned worker) {
    seen_[worker].epoch.store(std::numeric_limits<std::uint64_t>::max());
  }

 private:
  struct alignas(kCacheLine) Seen {
    std::atomic<std::uint64_t> epoch{0};
  };
  std::atomic<std::uint64_t> epoch_{0};
  std::vector<Seen> seen_;
};

class TestTable {
 public:
  explicit TestTable(const ConnTable::Options& options)
      : epochs_(options.workers), workers_(options.workers), memory_(nullptr, std::free) {
    const std::size_t bytes = ConnTable::memory_bytes(options);
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(kCacheLine, bytes)));
    if (memory_ == nullptr) throw std::bad_alloc();
    table_ = std::make_unique<ConnTable>(options, std::span(memory_.get(), bytes), epochs_);
  }

  ConnTable& operator*() { return *table_; }
  ConnTable* operator->() { return table_.get(); }
  Epochs& epochs() { return epochs_; }

  ConnTable::Created create(unsigned worker, const NewConn& conn,
                            ConnState state = ConnState::kEstablished, std::uint32_t now = 1,
                            std::uint32_t deadline = 1'000) {
    const std::uint64_t hash = table_->hash(conn.tuple[0], conn.proto);
    return table_->create(worker, conn, hash, state, now, deadline);
  }
  Hit find(const FlowTuple& tuple, std::uint8_t proto = kProtoTcp) {
    return table_->find(tuple, proto, table_->hash(tuple, proto));
  }

  // One thread plays all workers: each reports a quiescent state and does its upkeep until
  // everything that was killed is free again. Expires nothing, when `before` is before all
  // deadlines.
  void settle(std::uint32_t before = 0) {
    constexpr std::uint32_t kForever = (std::uint32_t{1} << 31) - 1;
    std::uint32_t timeouts[static_cast<std::size_t>(ConnState::kCount)];
    for (std::uint32_t& ticks : timeouts) ticks = kForever;
    for (int round = 0; round < 3; ++round) {
      for (unsigned w = 0; w < workers_; ++w) epochs_.quiescent(w);
      for (unsigned w = 0; w < workers_; ++w) {
        table_->expire(w, before, timeouts, std::size_t{1} << 30, [](const Record&, ConnState) {});
      }
    }
  }

 private:
  Epochs epochs_;
  unsigned workers_;
  std::unique_ptr<std::byte, void (*)(void*)> memory_;
  std::unique_ptr<ConnTable> table_;
};

constexpr FlowTuple flow(std::uint32_t src, std::uint16_t sport, std::uint32_t dst,
                         std::uint16_t dport) {
  return {Be32::from_host(src), Be32::from_host(dst), Be16::from_host(sport),
          Be16::from_host(dport)};
}

// Connection number n, in NAT mode: up to 2^38 different ones, no two of which share a key.
inline NewConn nat_conn(std::uint64_t n) {
  const auto client = static_cast<std::uint32_t>(0x0b00'0000 + n / 64'000);
  const auto port = static_cast<std::uint16_t>(1'024 + n % 64'000);
  const auto server = static_cast<std::uint32_t>(0x0a00'000b + n % 4);
  NewConn conn;
  conn.tuple[0] = flow(client, port, 0xc000'020a, 80);
  conn.tuple[1] = flow(server, 8'080, client, port);
  conn.rs = static_cast<std::uint32_t>(n % 4);
  conn.service = static_cast<std::uint32_t>(n);
  conn.proto = kProtoTcp;
  return conn;
}

}  // namespace lb::test
