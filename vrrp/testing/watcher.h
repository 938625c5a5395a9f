// For tests: looks at one director from outside and says what it must not have done. It knows the
// rules of fsm.h, not the code: what was received when, and from which moment silence counts.
#pragma once

#include <string>
#include <vector>

#include "vrrp/fsm.h"

namespace lb::vrrp::test {

// The inputs of a director, beside adverts.
struct Conditions {
  bool gate = true;
  bool frozen = false;
  int health = 0;
  Peer peer;
};

class Watcher {
 public:
  enum class Cause { kStart, kAdvert, kExpire, kOrder, kTake, kFault, kPeer };

  Watcher(const Group::Options& options, milliseconds least_interval);

  // ---- before the group gets it
  void receives(const Group& group, const Conditions& conditions, std::size_t member,
                const Advert& advert, Ipv4Address source, Time now);
  void receives_peer(const Peer& before, const Peer& now);
  void may_preempt_from(Time time) { preempt_from_ = time; }

  // ---- after
  void did(const Group& group, const Conditions& conditions, Cause cause, const Actions& actions,
           Time now);
  // `late`: by how much expire() may have been called too late.
  void waits(const Group& group, Time now, Time::duration late);

  // The first rule that was broken; empty: none.
  const std::string& violation() const { return violation_; }

 private:
  struct Heard {
    Time since;             // silence is counted from here
    milliseconds interval;  // of the master received then
    Time sent;              // MASTER: the last advert
  };
  // What the last advert changes, unless it is refused.
  struct Received {
    std::vector<Heard> members;
    bool resignation = false;
    std::optional<Time> lower;
    bool may_be_refused = false;  // it is in the name of a peer that is alive
  };

  void require(bool holds, const char* rule) {
    if (!holds && violation_.empty()) violation_ = rule;
  }
  bool may_preempt(const Conditions& conditions, Time now) const;
  void begins_to_wait(Time now);
  void takes_over(const Conditions& conditions, Time now);
  void moves(const Conditions& conditions, Cause cause, const Action& action, Time now);

  void refuses();

  const Group::Options options_;
  const milliseconds least_interval_;
  State state_ = State::kInit;
  std::vector<Heard> members_;
  bool held_ = false;
  bool resignation_received_ = false;
  bool must_leave_ = false;
  bool must_stay_ = false;
  std::optional<Time> lower_received_;
  Time preempt_from_;
  Received before_;
  std::string violation_;
};

}  // namespace lb::vrrp::test
