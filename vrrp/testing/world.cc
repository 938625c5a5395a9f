#include "vrrp/testing/world.h"

#include <algorithm>
#include <utility>

#include "vrrp/testing/rig.h"

namespace lb::vrrp::test {
namespace {

// On every LAN the director of a higher number has the higher address.
Ipv4Address address_of(std::size_t director, std::size_t lan) {
  return Ipv4Address::from_host(0x0a000001 + static_cast<std::uint32_t>(lan << 8 | director));
}

std::size_t peer_of(std::size_t director) {
  return 1 - director;
}

}  // namespace

World::World(Plan plan, std::uint32_t seed, bool traced)
    : plan_([&plan] {
        for (std::size_t d = 0; d < plan.directors.size(); ++d) {
          std::vector<Group::Member>& members = plan.directors[d].members;
          for (std::size_t lan = 0; lan < members.size(); ++lan) {
            members[lan].address = address_of(d, lan);
          }
        }
        return std::move(plan);
      }()),
      random_(seed),
      traced_(traced),
      least_interval_(plan_.directors[0].members[0].interval),
      directors_(plan_.directors.size()) {
  for (const Group::Options& options : plan_.directors) {
    for (const Group::Member& member : options.members) {
      least_interval_ = std::min(least_interval_, member.interval);
    }
  }
  for (Pairs& pairs : paths_) {
    for (auto& row : pairs) row.fill(true);
  }
  if (!plan_.has_sync) return;
  for (const std::size_t d : {0U, 1U}) {
    push({.at = now_ + milliseconds(below(static_cast<std::uint32_t>(plan_.beat.count()))),
          .kind = Event::Kind::kBeat,
          .from = d});
  }
}

// ---- what happens to it

void World::start(std::size_t director) {
  Director& d = directors_[director];
  const Group::Options& options = plan_.directors[director];
  d.group.emplace(options);
  d.watcher.emplace(options, least_interval_);
  d.deadline.reset();
  d.conditions.peer = {};
  d.conditions.frozen = false;
  d.group->set_gate(d.conditions.gate);
  d.group->set_health(d.conditions.health);
  for (std::size_t lan = 0; lan < lans(); ++lan) {
    if (d.faults[lan]) d.group->set_fault(lan, "fault", now_);
  }
  d.watcher->may_preempt_from(now_ + options.preempt_delay);
  note(director, "start");
  done(director, Watcher::Cause::kStart, d.group->start(now_));
}

void World::kill(std::size_t director) {
  note(director, "kill");
  directors_[director].group.reset();
  directors_[director].watcher.reset();
}

void World::resign(std::size_t director) {
  if (!directors_[director].group) return;
  note(director, "resign");
  done(director, Watcher::Cause::kOrder, directors_[director].group->resign("order", now_));
}

void World::take(std::size_t director) {
  if (!directors_[director].group) return;
  note(director, "take");
  done(director, Watcher::Cause::kTake, directors_[director].group->take("order", now_));
}

void World::wake(std::size_t director) {
  if (!directors_[director].group) return;
  note(director, "wake");
  expire(director);
}

void World::set_frozen(std::size_t director, bool frozen) {
  Director& d = directors_[director];
  if (!d.group) return;
  note(director, frozen ? "freeze" : "thaw");
  const State before = d.group->state();
  d.conditions.frozen = frozen;
  const Actions actions = d.group->set_frozen(frozen, now_);
  if (before == State::kFault && d.group->state() == State::kBackup) {
    d.watcher->may_preempt_from(now_ + plan_.directors[director].preempt_delay);
  }
  done(director, Watcher::Cause::kFault, actions);
}

void World::set_gate(std::size_t director, bool open) {
  note(director, open ? "gate open" : "gate closed");
  directors_[director].conditions.gate = open;
  if (directors_[director].group) directors_[director].group->set_gate(open);
}

void World::set_fault(std::size_t director, std::size_t lan, bool failed) {
  Director& d = directors_[director];
  d.faults[lan] = failed;
  if (!d.group) return;
  note(director, (failed ? "fault on " : "no fault on ") + std::to_string(lan));
  const State before = d.group->state();
  const Actions actions = d.group->set_fault(lan, failed ? "fault" : "", now_);
  if (before == State::kFault && d.group->state() == State::kBackup) {
    d.watcher->may_preempt_from(now_ + plan_.directors[director].preempt_delay);
  }
  done(director, Watcher::Cause::kFault, actions);
}

void World::set_priority(std::size_t director, std::size_t lan, std::uint8_t priority) {
  Director& d = directors_[director];
  if (!d.group) return;
  note(director, "priority " + std::to_string(priority) + " on " + std::to_string(lan));
  done(director, Watcher::Cause::kOrder, d.group->set_priority(lan, priority, now_));
}

void World::set_health(std::size_t director, int health) {
  note(director, "health " + std::to_string(health));
  directors_[director].conditions.health = health;
  if (directors_[director].group) directors_[director].group->set_health(health);
}

void World::set_path(std::size_t lan, std::size_t from, std::size_t to, bool up) {
  note(from, (up ? "reaches " : "does not reach ") + std::to_string(to) + " on LAN " +
                 std::to_string(lan));
  paths_[lan][from][to] = up;
}

void World::set_loss(unsigned percent) {
  loss_percent_ = percent;
}

void World::set_sync(bool up) {
  note(0, up ? "sync up" : "sync down");
  sync_up_ = up;
}

bool World::has_fault(std::size_t director) const {
  return std::ranges::any_of(directors_[director].faults, [](bool failed) { return failed; });
}

// ---- time

void World::pass(Time::duration time) {
  const Time end = now_ + time;
  while (violation_.empty()) {
    std::size_t next = directors();
    Time at = end;
    for (std::size_t d = 0; d < directors(); ++d) {
      if (!directors_[d].group || !directors_[d].deadline || directors_[d].wake > at) continue;
      next = d;
      at = directors_[d].wake;
    }
    if (!events_.empty() && events_.top().at < at) {
      now_ = events_.top().at;
      const Event event = events_.top();
      events_.pop();
      handle(event);
    } else if (next < directors()) {
      now_ = std::max(now_, at);
      expire(next);
    } else {
      break;
    }
    check_masters();
  }
  now_ = end;
}

void World::expire(std::size_t director) {
  Director& d = directors_[director];
  const Actions actions = d.group->expire(now_);
  done(director, Watcher::Cause::kExpire, actions);
  if (violation_.empty() && d.group->next_deadline() && *d.group->next_deadline() <= now_) {
    violation_ = "a deadline that does not move on";
  }
}

void World::push(Event event) {
  event.number = ++numbers_;
  events_.push(event);
}

void World::handle(const Event& event) {
  if (event.kind == Event::Kind::kBeat) return beat(event.from);
  Director& d = directors_[event.to];
  if (!d.group) return;
  if (event.kind == Event::Kind::kAdvert) return receive(event);
  d.peer_received = now_;
  Peer peer = event.peer;
  peer.reported_at = now_;
  d.watcher->receives_peer(d.conditions.peer, peer);
  d.conditions.peer = peer;
  done(event.to, Watcher::Cause::kPeer, d.group->set_peer(peer, now_));
}

void World::receive(const Event& event) {
  Director& d = directors_[event.to];
  const Group::Member& sender = plan_.directors[event.from].members[event.lan];
  Advert advert;
  advert.version = sender.version;
  advert.priority = event.priority;
  advert.interval = sender.interval;
  if (traced_) {
    note(event.to, "hears " + std::to_string(event.priority) + " of " + std::to_string(event.from) +
                       " on " + std::to_string(event.lan));
  }
  d.watcher->receives(*d.group, d.conditions, event.lan, advert, sender.address, now_);
  done(event.to, Watcher::Cause::kAdvert, d.group->advert(event.lan, advert, sender.address, now_));
}

void World::beat(std::size_t director) {
  Director& d = directors_[director];
  push({.at = now_ + plan_.beat, .kind = Event::Kind::kBeat, .from = director});
  if (!d.group) return;
  send_state(director);
  if (!d.conditions.peer.alive || now_ - d.peer_received <= 3 * plan_.beat) return;
  note(director, "peer is gone");
  d.conditions.peer = {};
  done(director, Watcher::Cause::kPeer, d.group->set_peer({}, now_));
}

void World::send_state(std::size_t director) {
  const Group& group = *directors_[director].group;
  if (!sync_up_) return;
  push({.at = now_ + plan_.sync_delay,
        .kind = Event::Kind::kPeer,
        .from = director,
        .to = peer_of(director),
        .peer = {true, group.state(), group.fitness(), group.without_adverts(now_),
                 group.addresses()}});
}

// ---- what the directors do

void World::done(std::size_t director, Watcher::Cause cause, const Actions& actions) {
  Director& d = directors_[director];
  if (traced_ && !actions.empty()) note(director, "  " + to_text(actions));
  d.watcher->did(*d.group, d.conditions, cause, actions, now_);
  for (const Action& action : actions) {
    if (action.kind == Action::Kind::kSendAdvert) send(director, action);
    if (action.kind != Action::Kind::kTransition) continue;
    ++transitions_;
    if (plan_.has_sync && director < 2) send_state(director);
  }
  if (const auto deadline = d.group->next_deadline(); deadline != d.deadline) {
    d.deadline = deadline;
    const auto late = below(static_cast<std::uint32_t>(plan_.most_late.count()) + 1);
    if (deadline) d.wake = *deadline + std::chrono::microseconds(late);
  }
  check(director);
}

void World::check(std::size_t director) {
  Watcher& watcher = *directors_[director].watcher;
  watcher.waits(*directors_[director].group, now_, plan_.most_late);
  if (violation_.empty() && !watcher.violation().empty()) {
    violation_ = "director " + std::to_string(director) + ": " + watcher.violation();
    note(director, violation_);
  }
}

void World::send(std::size_t director, const Action& action) {
  for (std::size_t to = 0; to < directors(); ++to) {
    if (to == director || !paths_[action.member][director][to]) continue;
    if (loss_percent_ != 0 && below(100) < loss_percent_) continue;
    const auto delay = below(static_cast<std::uint32_t>(plan_.most_delay.count()) + 1);
    push({.at = now_ + std::chrono::microseconds(delay),
          .kind = Event::Kind::kAdvert,
          .from = director,
          .to = to,
          .lan = action.member,
          .priority = action.priority});
  }
}

// The sync link died after the peer had said that it is no master, and is not yet known to be dead.
bool World::peer_denies_master(std::size_t director) const {
  const Peer& peer = directors_[director].conditions.peer;
  return peer.alive && peer.state != State::kMaster;
}

// Once the better one's next advert has arrived, the worse one is gone.
void World::check_masters() {
  std::size_t masters = 0;
  for (std::size_t d = 0; d < directors(); ++d) masters += is_master(d) ? 1U : 0U;
  if (masters < 2 && !were_two_) return;
  were_two_ = masters >= 2;
  for (std::size_t lan = 0; lan < lans(); ++lan) {
    for (std::size_t a = 0; a < directors(); ++a) {
      for (std::size_t b = a + 1; b < directors(); ++b) {
        std::optional<Time>& since = two_since_[lan][a][b];
        const bool receive_each_other = is_master(a) && is_master(b) && paths_[lan][a][b] &&
                                        paths_[lan][b][a] && loss_percent_ == 0 &&
                                        !peer_denies_master(a) && !peer_denies_master(b);
        if (!receive_each_other) {
          since.reset();
          continue;
        }
        if (!since) since = now_;
        const auto interval = std::max(plan_.directors[a].members[lan].interval,
                                       plan_.directors[b].members[lan].interval);
        // One of them may become the worse one meanwhile, and is informed by an answer then.
        if (now_ - *since > interval + plan_.most_late + 2 * plan_.most_delay) {
          violation_ = "directors " + std::to_string(a) + " and " + std::to_string(b) +
                       " are masters and hear each other";
          note(a, violation_);
        }
      }
    }
  }
}

void World::note(std::size_t director, const std::string& text) {
  if (!traced_) return;
  const auto us =
      std::chrono::duration_cast<std::chrono::microseconds>(now_ - Time(std::chrono::hours(1)));
  trace_ +=
      std::to_string(us.count()) + " us, director " + std::to_string(director) + ": " + text + "\n";
}

}  // namespace lb::vrrp::test
