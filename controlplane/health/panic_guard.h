// When many checks fail at once, the cause is probably the director, not all servers: its port, its
// switch, its gateway, its CPU. Decides which targets are held in service though their checks fail.
// Pure: the caller passes the time.
//
//   UP   --check fails--> FELL --window over, no longer counted--> (nothing)
//   UP   --check fails, the guard holds--> HELD
//   FELL --the guard trips--> HELD
//   HELD --the peer or an operator agrees, or the guard releases it--> (nothing)
//   any  --check is good again--> UP
//
// It counts distinct checks ("questions"), not targets: ten services that share a check of one
// server count once. The guard trips when more than `threshold` percent of the questions that were
// good within the window have failed in it, on three servers at least: one failed machine with most
// of the services is no reason to suspect the director.
//
// It releases all when the share has been at the threshold or below for a whole window: earlier,
// servers that are recovering (`rise`) would be taken out for a moment.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "config/base/address.h"
#include "controlplane/service/ids.h"

namespace lb::health {

class PanicGuard {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Fewer servers are never held.
  static constexpr std::size_t kFewestServers = 3;

  struct Settings {
    unsigned threshold = 0;  // percent; 0: it never trips
    std::chrono::milliseconds window{};
    bool operator==(const Settings&) const = default;
  };
  struct Target {
    RealServerId id{};
    std::uint64_t question = 0;  // a number
    Address server;
  };
  struct Counts {
    std::size_t failing = 0;  // questions: while it holds, those that are held
    std::size_t all = 0;      // and those that are good
  };

  // Each of these returns whether the set of held targets changed, apart from the target itself.
  bool configure(const Settings& settings, Time now);
  bool good(const Target& target, Time now);
  bool bad(const Target& target, Time now);  // no effect if it was not good
  // No longer counted: it is removed, or down for another reason than its check.
  bool forget(RealServerId id, Time now);
  // The same state, but another question.
  void change_question(RealServerId id, std::uint64_t question);
  // The peer finds them down too.
  bool agree(std::span<const RealServerId> ids, Time now);
  bool release_all(Time now);
  bool pass(Time now);

  bool holding() const { return holding_; }
  bool holds(RealServerId id) const;
  Counts counts() const { return {failing_, all_}; }
  // When pass() is due.
  std::optional<Time> next() const;

 private:
  enum class Phase : std::uint8_t { kUp, kFell, kHeld };
  struct Known {
    Target target;
    Phase phase;
    Time fell;
  };
  struct Question {
    std::size_t up = 0;  // targets
    std::size_t failing = 0;
  };

  void put(const Target& target, Phase phase, Time now);
  void drop(RealServerId id);
  void count(const Target& target, Phase phase, bool in);
  void expire(Time now);
  bool above_threshold() const;
  bool trip();
  bool release_when_due(Time now);
  bool release();

  Settings settings_;
  std::unordered_map<RealServerId, Known> targets_;
  std::unordered_map<std::uint64_t, Question> questions_;
  std::map<Address, std::size_t> failing_servers_;  // with how many failing questions
  std::size_t failing_ = 0;
  std::size_t all_ = 0;
  std::deque<std::pair<Time, RealServerId>> falls_;  // oldest first; some are out of date
  bool holding_ = false;
  std::optional<Time> calm_since_;  // since when the share is not above the threshold
};

}  // namespace lb::health
