// The SYN proxy of a service: whether SYNs are answered with cookies now, and what came of it. Shared by
// the workers and the main thread; outlives snapshots as long as the service has one.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "config/base/cache_line.h"
#include "config/base/service_enums.h"

namespace lb {

// Connections, since the service has a SYN proxy.
struct SynProxyCounts {
  std::uint64_t cookies = 0;  // SYNs that were answered
  std::uint64_t proven = 0;   // of those, clients that came back with the cookie
  std::uint64_t refused = 0;  // segments of no connection without a valid cookie
};

class SynProxy {
 public:
  // `mode` is not kOff. `before` is the one that the service had; null: none.
  SynProxy(SynProxyMode mode, std::uint32_t threshold, const SynProxy* before)
      : mode_(mode),
        threshold_(threshold),
        state_(before != nullptr ? before->state_ : std::make_shared<State>()) {}

  SynProxyMode mode() const { return mode_; }
  std::uint32_t threshold() const { return threshold_; }  // half-open connections

  // ---- any worker; relaxed: each is on its own
  bool is_active() const {
    return mode_ == SynProxyMode::kAlways || state_->active.load(std::memory_order_relaxed);
  }
  void count_cookie(unsigned worker) const { add(state_->counts_of(worker).cookies); }
  void count_proven(unsigned worker) const { add(state_->counts_of(worker).proven); }
  void count_refused(unsigned worker) const { add(state_->counts_of(worker).refused); }
  // Whether TCP timestamps are promised to clients: until a real server had none.
  bool promises_timestamps() const { return state_->timestamps.load(std::memory_order_relaxed); }
  void promise_no_timestamps() const { state_->timestamps.store(false, std::memory_order_relaxed); }

  // ---- the main thread
  void set_active(bool active) const { state_->active.store(active, std::memory_order_relaxed); }

  // ---- any thread
  SynProxyCounts counts() const {
    SynProxyCounts sum;
    for (const Counts& counts : state_->counts) {
      sum.cookies += counts.cookies.load(std::memory_order_relaxed);
      sum.proven += counts.proven.load(std::memory_order_relaxed);
      sum.refused += counts.refused.load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  struct alignas(kCacheLine) Counts {
    std::atomic<std::uint64_t> cookies{0};
    std::atomic<std::uint64_t> proven{0};
    std::atomic<std::uint64_t> refused{0};
  };
  struct State {
    std::atomic<bool> active{false};
    std::atomic<bool> timestamps{true};
    std::array<Counts, 8> counts;  // workers take turns
    Counts& counts_of(unsigned worker) { return counts[worker % counts.size()]; }
  };
  static void add(std::atomic<std::uint64_t>& count) {
    count.fetch_add(1, std::memory_order_relaxed);
  }

  SynProxyMode mode_;
  std::uint32_t threshold_;
  std::shared_ptr<State> state_;
};

}  // namespace lb
