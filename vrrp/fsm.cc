#include "vrrp/fsm.h"

#include <algorithm>
#include <array>
#include <utility>

namespace lb::vrrp {
namespace {

constexpr int kLongestIntervals = 3;           // of ours
constexpr milliseconds kLongestAtLeast{1000};  // the default of most implementations

}  // namespace

std::string_view to_string(State state) {
  static constexpr std::array<std::string_view, 4> kNames = {"INIT", "BACKUP", "MASTER", "FAULT"};
  return kNames[static_cast<std::size_t>(state)];
}

Group::Group(Options options)
    : preempt_(options.preempt),
      preempt_delay_(options.preempt_delay),
      start_time_(options.start_time) {
  for (const Member& member : options.members) {
    members_.push_back({member, member.interval, {}, {}, {}, {}, {}});
  }
}

// ---- events

Actions Group::start(Time now) {
  Actions actions;
  start_until_ = now + start_time_;
  evaluate_faults(actions, now);
  return actions;
}

// The owner takes over at once, others wait for the master (RFC 9568 section 6.4.1).
void Group::begin(Actions& actions, const std::string& reason, Time now) {
  preempt_from_ = now + preempt_delay_;
  const bool owner = std::ranges::all_of(members_, [](const MemberState& member) {
    return member.options.priority == kOwnerPriority;
  });
  if (owner && may_preempt(now)) {
    enter_master(actions, reason + ", and this director owns the addresses", now);
  } else {
    enter(actions, State::kBackup, reason, now);
  }
}

Actions Group::advert(std::size_t member, const Advert& advert, Ipv4Address source, Time now) {
  Actions actions;
  if (const auto reject = refusal(members_[member], advert, source, now)) {
    const bool defers =
        *reject == Reject::unconfirmed && defer(members_[member], advert, source, now);
    actions.push_back({.kind = defers ? Action::Kind::kDefer : Action::Kind::kRefuse,
                       .member = member,
                       .reject = *reject});
  } else if (state_ == State::kBackup) {
    backup_advert(members_[member], advert, source, now);
  } else if (state_ == State::kMaster) {
    master_advert(actions, member, advert, source, now);
  }
  return actions;
}

void Group::backup_advert(MemberState& member, const Advert& advert, Ipv4Address source, Time now) {
  if (advert.priority != kResignPriority) member.silent_at = now + down_interval(member);
  if (advert.priority == kResignPriority) {
    // The peer's waits for the same by its report.
    if (!is_from_peer(source) || !is_recent(now) || !peer_is_master()) receive_resignation(now);
  } else if (!may_preempt(now) || advert.priority >= member.options.priority) {
    resigned_ = false;
    resigning_at_.reset();
    peer_holding_ = false;
    ignores_lower_ = false;
    adopt_interval(member, advert);
    member.down_at = now + down_interval(member);
  } else {
    ignores_lower_ = true;
  }
}

void Group::adopt_interval(MemberState& member, const Advert& advert) {
  if (advert.version != 3) return;
  member.master_interval = std::min(advert.interval, longest_interval(member.options.interval));
}

void Group::receive_resignation(Time now) {
  resigned_ = true;
  for (MemberState& each : members_) each.down_at = std::min(each.down_at, now + skew(each));
}

void Group::master_advert(Actions& actions, std::size_t member, const Advert& advert,
                          Ipv4Address source, Time now) {
  MemberState& ours = members_[member];
  if (advert.priority == kResignPriority) return reply(actions, member, now);
  if (is_better(advert, source, ours)) {
    // Some neighbours received us last: this advert makes the better one announce its addresses.
    send_all(actions, now);
    adopt_interval(ours, advert);
    enter(actions, State::kBackup, reason_of(advert, source), now);
    return;
  }
  if (was_silent(ours, now)) {
    enter(actions, State::kBackup, source.to_string() + " took over while this director was silent",
          now);
    return;
  }
  // Both were master, on either side of a partitioned LAN: neighbours may have received the other
  // one last (RFC 9568 section 6.4.3).
  reply(actions, member, now);
  actions.push_back({.kind = Action::Kind::kAnnounce});
}

void Group::reply(Actions& actions, std::size_t member, Time now) {
  MemberState& ours = members_[member];
  send(actions, member, ours.options.priority);
  ours.advert_at = now + ours.options.interval;
}

Actions Group::expire(Time now) {
  Actions actions;
  if (state_ == State::kMaster) {
    resolve_two_masters(actions, now);
    if (state_ == State::kMaster) send_due(actions, now);
  } else if (state_ == State::kInit) {
    evaluate_faults(actions, now);
  } else if (state_ == State::kBackup) {
    const bool silent = std::ranges::all_of(
        members_, [now](const MemberState& member) { return member.down_at <= now; });
    if (!silent) return actions;
    const bool preempts = ignores_lower_ && may_preempt(now);
    if (ignores_lower_ && !preempts && !resigned_) {
      // Preemption was forbidden after the last advert of a lower master, which counts from now on.
      wait_for_master(now);
      return actions;
    }
    peer_holding_ = !resigned_ && !preempts && peer_master_is_better();
    if (peer_holding_ || frozen_) {
      for (MemberState& member : members_) member.down_at = now + member.master_interval;
    } else if (resigned_) {
      enter_master(actions, "the master resigned", now);
    } else if (preempts) {
      enter_master(actions, "the master has a lower priority", now);
    } else {
      enter_master(actions, "no advert from a master", now);
    }
  }
  return actions;
}

Actions Group::set_priority(std::size_t member, std::uint8_t priority, Time now) {
  Actions actions;
  MemberState& changed = members_[member];
  if (changed.options.priority == priority) return actions;
  changed.options.priority = priority;
  if (state_ == State::kMaster) {
    send(actions, member, priority);
    changed.advert_at = now + changed.options.interval;
  }
  return actions;
}

Actions Group::set_address(std::size_t member, Ipv4Address address) {
  members_[member].options.address = address;
  return {};
}

Actions Group::set_fault(std::size_t member, const std::string& why, Time now) {
  Actions actions;
  members_[member].fault = why;
  evaluate_faults(actions, now);
  return actions;
}

void Group::evaluate_faults(Actions& actions, Time now) {
  const bool starts = state_ == State::kInit;
  if (starts && !start_until_) return;
  const auto failed = std::ranges::find_if(
      members_, [](const MemberState& member) { return !member.fault.empty(); });
  if (starts && failed == members_.end()) return begin(actions, "start", now);
  if (frozen_ || (starts && now < *start_until_)) return;
  if (failed != members_.end() && state_ != State::kFault) {
    if (state_ == State::kMaster) send_resignations(actions);
    enter(actions, State::kFault, failed->fault, now);
  } else if (failed == members_.end() && state_ == State::kFault) {
    begin(actions, "all tracks OK", now);
  }
}

Actions Group::set_peer(const Peer& peer, Time now) {
  Actions actions;
  const bool was_master = peer_is_master();
  const bool receives_us_again = peer_.without_adverts > peer.without_adverts && peer.alive;
  if (peer.alive != peer_.alive || peer.state != peer_.state) forget_contradictions();
  peer_ = peer;
  if (peer.alive) keep_addresses(peer.addresses);
  const bool left = was_master && !peer_is_master();
  if (left) peer_left_at_ = now;
  const bool resigned = left && peer_has_resigned(now);
  const bool failed = left && peer.alive && peer.state == State::kFault;
  if (state_ == State::kMaster) {
    // The LAN was partitioned: on the peer's side neighbours may have received another master last.
    if (receives_us_again) actions.push_back({.kind = Action::Kind::kAnnounce});
    refuse_deferred(actions);
    resolve_two_masters(actions, now);
  } else if (peer_holds() && !peer_master_is_better()) {
    // Its adverts have been missing all along: not a moment longer.
    for (MemberState& member : members_) member.down_at = now;
    return expire(now);
  } else if (state_ == State::kBackup && (failed || resigned)) {
    // Its resignation is confirmed; or it could not send any, since it has lost its port.
    receive_resignation(now);
  }
  return actions;
}

void Group::resolve_two_masters(Actions& actions, Time now) {
  if (!peer_is_master()) {
    two_since_.reset();
    return;
  }
  if (!two_since_) two_since_ = now;
  milliseconds interval{0};
  for (const MemberState& member : members_) interval = std::max(interval, member.options.interval);
  if (suspect_ && now - suspect_->since <= interval) {
    // Its advert was true, and faster than its report.
    const std::string reason = suspect_->reason;
    send_resignations(actions);
    return enter(actions, State::kBackup, reason, now);
  }
  // Wait an interval for adverts and reports to arrive: else one would yield because of an advert
  // and the other one because of an old report.
  if (!peer_master_is_better() || now - *two_since_ < interval) return;
  send_resignations(actions);
  enter(actions, State::kBackup,
        "the peer is master too and better (" + std::to_string(peer_.fitness.health) +
            " working ports, priority " + std::to_string(peer_.fitness.priority) + ")",
        now);
}

Actions Group::resign(const std::string& reason, Time now) {
  Actions actions;
  if (state_ != State::kMaster) return actions;
  send_resignations(actions);
  held_ = true;
  enter(actions, State::kBackup, reason, now);
  return actions;
}

Actions Group::take(const std::string& reason, Time now) {
  Actions actions;
  if (state_ == State::kBackup && !frozen_) enter_master(actions, reason, now);
  return actions;
}

Actions Group::set_frozen(bool frozen, Time now) {
  Actions actions;
  frozen_ = frozen;
  evaluate_faults(actions, now);
  return actions;
}

// ---- state

Fitness Group::fitness() const {
  const Member& first = members_.front().options;
  return {health_, first.priority, first.address};
}

std::vector<Ipv4Address> Group::addresses() const {
  std::vector<Ipv4Address> all;
  for (const MemberState& member : members_) all.push_back(member.options.address);
  return all;
}

int Group::without_adverts(Time now) const {
  if (state_ != State::kBackup) return 0;
  return static_cast<int>(std::ranges::count_if(
      members_, [now](const MemberState& member) { return member.silent_at <= now; }));
}

std::optional<Time> Group::next_deadline() const {
  if (state_ == State::kMaster) {
    return std::ranges::min_element(members_, {}, &MemberState::advert_at)->advert_at;
  }
  if (state_ == State::kBackup) {
    return std::ranges::max_element(members_, {}, &MemberState::down_at)->down_at;
  }
  if (state_ == State::kInit && !frozen_) return start_until_;
  return std::nullopt;
}

bool Group::may_preempt(Time now) const {
  if (peer_is_master() && peer_.fitness.health > health_) return false;
  return preempt_ && gate_open_ && !held_ && !frozen_ && now >= preempt_from_;
}

// For so long that others were right to take us for dead, whatever their skew.
bool Group::was_silent(const MemberState& member, Time now) const {
  return now > member.advert_at + 2 * member.options.interval;
}

bool Group::peer_master_is_better() const {
  if (!peer_is_master()) return false;
  // A master that works as well as we would is left alone; of two masters the better one stays.
  return state_ == State::kMaster ? peer_.fitness > fitness() : peer_.fitness.health >= health_;
}

milliseconds Group::longest_interval(milliseconds own) {
  return std::max(kLongestIntervals * own, kLongestAtLeast);
}

// RFC 9568 section 6.1: (256 - priority) / 256 of the master's interval; RFC 3768: of a second.
milliseconds Group::skew(const MemberState& member) const {
  const milliseconds base =
      member.options.version == 2 ? milliseconds(1000) : member.master_interval;
  return base * (256 - member.options.priority) / 256;
}

milliseconds Group::down_interval(const MemberState& member) const {
  return 3 * member.master_interval + skew(member);
}

void Group::wait_for_master(Time now) {
  peer_holding_ = false;
  resigned_ = false;
  ignores_lower_ = false;
  for (MemberState& member : members_) {
    member.down_at = member.silent_at = now + down_interval(member);
  }
}

void Group::send(Actions& actions, std::size_t member, std::uint8_t priority) const {
  actions.push_back({.kind = Action::Kind::kSendAdvert, .member = member, .priority = priority});
}

void Group::send_all(Actions& actions, Time now) {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    send(actions, i, members_[i].options.priority);
    members_[i].advert_at = now + members_[i].options.interval;
  }
}

void Group::send_due(Actions& actions, Time now) {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    MemberState& member = members_[i];
    if (member.advert_at > now) continue;
    send(actions, i, member.options.priority);
    // In step with the beginning, unless whole intervals were missed.
    member.advert_at += member.options.interval;
    if (member.advert_at <= now) member.advert_at = now + member.options.interval;
  }
}

void Group::send_resignations(Actions& actions) const {
  for (std::size_t i = 0; i < members_.size(); ++i) send(actions, i, kResignPriority);
}

void Group::enter(Actions& actions, State to, const std::string& reason, Time now) {
  actions.push_back({.kind = Action::Kind::kTransition,
                     .from = std::exchange(state_, to),
                     .to = to,
                     .reason = reason});
  two_since_.reset();
  suspect_.reset();
  forget_contradictions();
  resigning_at_.reset();
  if (to == State::kBackup) wait_for_master(now);
}

void Group::enter_master(Actions& actions, const std::string& reason, Time now) {
  held_ = false;
  for (MemberState& member : members_) member.master_interval = member.options.interval;
  enter(actions, State::kMaster, reason, now);
  send_all(actions, now);
}

}  // namespace lb::vrrp
