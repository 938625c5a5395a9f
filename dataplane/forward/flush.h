// Connections that an operator ends: which ones, and how far the workers are.
//
// One job at a time: the main thread begins it, each worker walks its connections and says when it
// is through.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "dataplane/conn/record.h"

namespace lb {

// Which connections are meant; what is not set matches everything.
struct ConnMatch {
  std::vector<bool> services;  // by slot
  Be32 client;
  std::uint32_t client_mask = 0;  // in network order
  bool by_real_server = false;
  Be32 real_server;
  Be16 real_server_port;  // 0: any
  ConnState state = ConnState::kNone;

  // `tuple` as Record's.
  bool matches(const FlowTuple* tuple, std::uint32_t service, ConnState now) const {
    if (state != ConnState::kNone && now != state) return false;
    if (((tuple[0].src.raw ^ client.raw) & client_mask) != 0) return false;
    if (by_real_server) {
      if (tuple[1].src != real_server) return false;
      if (real_server_port.raw != 0 && tuple[1].sport != real_server_port) return false;
    }
    return services.empty() || (service < services.size() && services[service]);
  }
};

class FlushBoard {
 public:
  // ---- the main thread
  // Not while a job is running.
  std::uint64_t begin(ConnMatch match, unsigned workers) {
    match_ = std::move(match);
    ended_.store(0, std::memory_order_relaxed);
    working_.store(workers, std::memory_order_relaxed);
    const std::uint64_t job = job_.load(std::memory_order_relaxed) + 1;
    job_.store(job, std::memory_order_release);  // pairs with job()
    return job;
  }
  // Acquire: pairs with through(); all that they ended is counted.
  bool done() const { return working_.load(std::memory_order_acquire) == 0; }
  std::uint64_t ended() const { return ended_.load(std::memory_order_relaxed); }
  std::uint64_t last_job() const { return job_.load(std::memory_order_relaxed); }

  // ---- workers
  std::uint64_t job() const { return job_.load(std::memory_order_acquire); }
  // Of the job from job(), until through().
  const ConnMatch& match() const { return match_; }
  void ended(std::uint64_t connections) {
    ended_.fetch_add(connections, std::memory_order_relaxed);
  }
  void through() { working_.fetch_sub(1, std::memory_order_release); }

 private:
  ConnMatch match_;
  std::atomic<std::uint64_t> job_{0};
  std::atomic<std::uint64_t> ended_{0};
  std::atomic<unsigned> working_{0};
};

}  // namespace lb
