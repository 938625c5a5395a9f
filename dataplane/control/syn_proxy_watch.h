// Begins and ends the SYN proxies of services that have syn_proxy = "adaptive". Main thread.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "config/base/log_limit.h"
#include "dataplane/sched/load.h"
#include "dataplane/service/snapshot.h"

namespace lb {

// When the proxy of one service works. Time is in ticks. Pure.
class SynProxySwitch {
 public:
  static constexpr std::uint32_t kSecond = 1'000 / kTickMs;
  static constexpr std::uint32_t kCalm = 10 * kSecond;

  // Whether it is to work from now on. Some times a second. It begins with more half-open connections than
  // the threshold. Those are gone soon when it works, so that it ends by what would be half-open without
  // it: when the cookies of a second that nobody has come back with, and the half-open connections, were
  // no more than half of the threshold for ten seconds.
  bool update(bool is_active, std::int64_t half_open, const SynProxyCounts& counts,
              std::uint32_t threshold, std::uint32_t now);

 private:
  std::uint64_t unproven_ = 0;  // cookies, at `sampled_`
  std::uint32_t sampled_ = 0;
  std::uint32_t busy_ = 0;  // when it was not calm last
  bool was_active_ = false;
};

class SynProxyWatch {
 public:
  // Ten times a second.
  void look(const Snapshot& snapshot, const Load& load, std::uint32_t now);

 private:
  std::unordered_map<std::uint32_t, SynProxySwitch> switches_;  // by service slot
  LogLimit limit_{10};
};

}  // namespace lb
