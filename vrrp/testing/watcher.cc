#include "vrrp/testing/watcher.h"

#include <algorithm>
#include <utility>

namespace lb::vrrp::test {

Watcher::Watcher(const Group::Options& options, milliseconds least_interval)
    : options_(options), least_interval_(least_interval), members_(options.members.size()) {}

bool Watcher::may_preempt(const Conditions& conditions, Time now) const {
  const Peer& peer = conditions.peer;
  const bool peer_is_healthier =
      peer.alive && peer.state == State::kMaster && peer.fitness.health > conditions.health;
  return options_.preempt && conditions.gate && !conditions.frozen && !held_ &&
         !peer_is_healthier && now >= preempt_from_;
}

void Watcher::receives(const Group& group, const Conditions& conditions, std::size_t member,
                       const Advert& advert, Ipv4Address source, Time now) {
  must_leave_ = must_stay_ = false;
  const std::vector<Ipv4Address>& peers = conditions.peer.addresses;
  before_ = {members_, resignation_received_, lower_received_,
             conditions.peer.alive && std::ranges::find(peers, source) != peers.end()};
  const std::uint8_t ours = group.priority(member);
  if (state_ == State::kMaster) {
    must_leave_ =
        std::pair(advert.priority, source) > std::pair(ours, options_.members[member].address);
    must_stay_ = !must_leave_;
    // It may be old: the next one decides.
    const Peer& peer = conditions.peer;
    must_leave_ &= !peer.alive || peer.state == State::kMaster ||
                   std::ranges::find(peer.addresses, source) == peer.addresses.end();
  } else if (state_ == State::kBackup && advert.priority == kResignPriority) {
    resignation_received_ = true;
    for (Heard& each : members_) each.interval = milliseconds(0);
  } else if (state_ == State::kBackup && advert.priority < ours && may_preempt(conditions, now)) {
    lower_received_ = now;
  } else if (state_ == State::kBackup) {
    resignation_received_ = false;
    lower_received_.reset();
    members_[member].since = now;
    members_[member].interval =
        advert.version == 3
            ? std::min(advert.interval, Group::longest_interval(options_.members[member].interval))
            : options_.members[member].interval;
  }
}

// Only what contradicts the sync link: then it is as if there had been no advert.
void Watcher::refuses() {
  require(before_.may_be_refused, "refuses an advert that nothing contradicts");
  members_ = before_.members;
  resignation_received_ = before_.resignation;
  lower_received_ = before_.lower;
  must_leave_ = must_stay_ = false;
}

// A master that has failed says so over the sync link: as good as a resignation.
void Watcher::receives_peer(const Peer& before, const Peer& now) {
  if (state_ != State::kBackup || !before.alive || before.state != State::kMaster || !now.alive ||
      now.state != State::kFault) {
    return;
  }
  resignation_received_ = true;
  for (Heard& each : members_) each.interval = milliseconds(0);
}

void Watcher::begins_to_wait(Time now) {
  resignation_received_ = false;
  lower_received_.reset();
  for (Heard& member : members_) {
    member.since = now;
    member.interval = least_interval_;
  }
}

void Watcher::takes_over(const Conditions& conditions, Time now) {
  if (resignation_received_) return;
  for (const Heard& member : members_) {
    require(now - member.since >= 3 * member.interval, "takes over from a master that is heard");
  }
  if (!may_preempt(conditions, now)) {
    require(!lower_received_ || now - *lower_received_ >= 3 * least_interval_,
            "preempts a lower master without the right to");
  }
  const Peer& peer = conditions.peer;
  const bool peer_holds =
      peer.alive && peer.state == State::kMaster && peer.fitness.health >= conditions.health;
  require(lower_received_ || !peer_holds, "takes over from a peer that holds");
}

void Watcher::moves(const Conditions& conditions, Cause cause, const Action& action, Time now) {
  require(action.from == state_, "a transition that does not begin where the last one ended");
  require(action.to != action.from, "a transition to the same state");
  require(!action.reason.empty(), "a transition without a reason");
  state_ = action.to;
  if (action.to == State::kMaster) {
    if (cause == Cause::kExpire || cause == Cause::kPeer) takes_over(conditions, now);
    require(cause != Cause::kAdvert, "MASTER because of an advert");
    require(!conditions.frozen, "takes over though frozen");
    held_ = false;
  } else if (action.to == State::kBackup) {
    if (cause == Cause::kOrder) held_ = true;
    begins_to_wait(now);
  }
}

void Watcher::did(const Group& group, const Conditions& conditions, Cause cause,
                  const Actions& actions, Time now) {
  std::vector<int> resigned(members_.size());
  std::vector<int> sent(members_.size());
  const State before = state_;
  for (const Action& action : actions) {
    switch (action.kind) {
      case Action::Kind::kTransition:
        moves(conditions, cause, action, now);
        break;
      case Action::Kind::kAnnounce:
        require(state_ == State::kMaster, "announces addresses without being master");
        break;
      case Action::Kind::kRefuse:
        if (cause == Cause::kPeer) break;  // of an advert that was deferred
        refuses();
        break;
      case Action::Kind::kDefer:
        require(state_ == State::kMaster, "an advert deferred without being master");
        refuses();
        break;
      case Action::Kind::kSendAdvert:
        require(state_ == State::kMaster, "an advert without being master");
        if (action.priority == kResignPriority) {
          ++resigned[action.member];
        } else {
          ++sent[action.member];
          members_[action.member].sent = now;
          require(action.priority == group.priority(action.member), "an advert's priority");
        }
        break;
    }
  }
  require(state_ == group.state(), "a state without a transition");
  require(held_ == group.held(), "held");
  bool owner = true;
  for (std::size_t i = 0; i < members_.size(); ++i) owner &= group.priority(i) == kOwnerPriority;
  require(state_ != State::kMaster || before == State::kMaster || before == State::kBackup || owner,
          "MASTER without a wait");
  const auto all = [](const std::vector<int>& counts, int count) {
    return std::ranges::all_of(counts, [count](int each) { return each == count; });
  };
  const bool left = before == State::kMaster && state_ != State::kMaster;
  if (before != State::kMaster && state_ == State::kMaster) {
    require(all(sent, 1), "becomes master without an advert on each member");
  }
  require(all(resigned, left && cause != Cause::kAdvert ? 1 : 0), "resignations");
  if (cause != Cause::kAdvert || before != State::kMaster) return;
  require(!must_leave_ || left, "stays master though a better one is heard");
  require(!must_leave_ || all(sent, 1), "leaves a better master without a last advert");
  require(!must_stay_ || (!left && !all(sent, 0)), "does not answer a worse master");
}

void Watcher::waits(const Group& group, Time now, Time::duration late) {
  const auto deadline = group.next_deadline();
  require(deadline.has_value() == (state_ == State::kBackup || state_ == State::kMaster),
          "a deadline where there is something to wait for");
  if (!deadline || state_ != State::kMaster) return;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const auto interval = options_.members[i].interval;
    require(now - members_[i].sent <= interval + late, "a master that is silent");
    require(*deadline <= members_[i].sent + interval + late, "a master that will be silent");
  }
}

}  // namespace lb::vrrp::test
