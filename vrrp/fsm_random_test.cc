// Many short lives of two to four directors whose network, operators and ports misbehave at random,
// and then leave them in peace. All along: the rules of testing/watcher.h, and no two masters that
// receive each other. In the end: one master, and the right one.
#include <gtest/gtest.h>

#include <algorithm>

#include "config/base/testing/randomised.h"
#include "vrrp/fsm.h"
#include "vrrp/testing/world.h"

namespace lb::vrrp {
namespace {

using std::chrono::microseconds;
using test::kMostDirectors;
using test::Plan;
using test::World;

// What is left as it is after the last disturbance.
enum class Ending {
  kWhole,
  kDead,     // some directors
  kFaults,   // of some ports
  kFrozen,   // some directors
  kGates,    // closed
  kSomeLan,  // of several is cut
  kNoSync,
  kNoLan,  // of two directors with a sync link
};
constexpr unsigned kEndings = 8;

class Episode {
 public:
  Episode(std::uint32_t seed, bool traced)
      : random_(seed), world_(make_plan(), static_cast<std::uint32_t>(random_()), traced) {}

  // The rule that was broken; empty: none.
  std::string run() {
    for (std::size_t d = 0; d < world_.directors(); ++d) {
      if (chance(80)) world_.start(d);
      if (chance(50)) world_.pass(pause());
    }
    world_.set_loss(chance(40) ? 1 + below(60) : 0);
    for (unsigned i = below(30); i > 0 && world_.violation().empty(); --i) {
      disturb();
      world_.pass(pause());
    }
    if (!world_.violation().empty()) return world_.violation();
    leave_in_peace();
    // Some become master in vain before the right one does.
    world_.pass(most_delay_ + 5 * down_ + 10 * world_.plan().beat);
    const unsigned transitions = world_.transitions();
    world_.pass(down_);
    if (!world_.violation().empty()) return world_.violation();
    if (world_.transitions() != transitions) return "no rest";
    return verdict();
  }
  const std::string& trace() const { return world_.trace(); }

 private:
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_()) % limit; }
  bool chance(unsigned percent) { return below(100) < percent; }
  std::size_t any_director() { return below(static_cast<std::uint32_t>(world_.directors())); }
  std::size_t any_lan() { return below(static_cast<std::uint32_t>(world_.lans())); }
  microseconds pause() { return microseconds(below(3000)) * base_.count(); }

  Plan make_plan();
  Group::Options make_director(std::uint8_t version, unsigned lans);
  void disturb();
  void disturb_paths();
  void leave_in_peace();
  void start_the_dead();
  void cut(std::size_t lan);
  std::string verdict() const;
  bool is_wronged(std::size_t director, std::size_t master) const;

  std::mt19937 random_;
  milliseconds base_{100};
  milliseconds most_delay_{0};  // of preemption
  milliseconds down_{0};        // the longest wait for a master
  Ending ending_ = Ending::kWhole;
  World world_;
};

Group::Options Episode::make_director(std::uint8_t version, unsigned lans) {
  // The order of the directors is the same on all LANs; some are equal.
  const auto priority = static_cast<std::uint8_t>(chance(3) ? 255 : 1 + below(6) * 50);
  // Version 2 wants the same interval everywhere; version 3 lets everyone choose.
  const milliseconds interval = version == 2 ? base_ : base_ * (1 + below(3));
  down_ = std::max(down_, 4 * interval + milliseconds(version == 2 ? 1000 : 0));
  Group::Options options;
  for (unsigned lan = 0; lan < lans; ++lan) {
    options.members.push_back(
        {version, priority, interval * (version == 3 && chance(20) ? 2 : 1), Ipv4Address{}});
    down_ = std::max(down_, 4 * options.members.back().interval);
  }
  options.preempt = chance(70);
  if (chance(20)) options.preempt_delay = base_ * below(6);
  most_delay_ = std::max(most_delay_, options.preempt_delay);
  return options;
}

Plan Episode::make_plan() {
  const std::uint8_t version = chance(70) ? 3 : 2;
  base_ = version == 2 ? milliseconds(1000) : milliseconds(10 * (2 + below(20)));
  const unsigned lans = 1 + below(3);
  Plan plan;
  const unsigned directors = chance(60) ? 2 : 3 + below(kMostDirectors - 2);
  for (unsigned d = 0; d < directors; ++d) plan.directors.push_back(make_director(version, lans));
  const microseconds tenth = base_ / 10;
  plan.most_delay = microseconds(below(static_cast<std::uint32_t>(tenth.count())));
  plan.most_late = microseconds(below(static_cast<std::uint32_t>(tenth.count())));
  plan.sync_delay = microseconds(below(static_cast<std::uint32_t>(tenth.count())));
  plan.beat = base_ * (1 + below(10)) / 5;
  plan.has_sync = chance(60);
  return plan;
}

void Episode::disturb_paths() {
  const std::size_t lan = any_lan();
  const bool up = chance(50);
  if (chance(30)) {
    for (std::size_t from = 0; from < world_.directors(); ++from) {
      for (std::size_t to = 0; to < world_.directors(); ++to) world_.set_path(lan, from, to, up);
    }
    return;
  }
  const std::size_t from = any_director();
  const std::size_t to = any_director();
  world_.set_path(lan, from, to, up);
  if (chance(60)) world_.set_path(lan, to, from, up);
}

void Episode::disturb() {
  const std::size_t director = any_director();
  switch (below(13)) {
    case 0:
    case 1:
      return disturb_paths();
    case 2:
      return world_.set_sync(chance(50));
    case 3:
      return world_.kill(director);
    case 4:
      return world_.start(director);
    case 5:
      return world_.resign(director);
    case 6:
      return world_.take(director);
    case 7:
      return world_.set_frozen(director, chance(40));
    case 8:
      return world_.set_gate(director, chance(50));
    case 9:
      return world_.set_fault(director, any_lan(), chance(50));
    case 10:
      return world_.set_priority(director, any_lan(), static_cast<std::uint8_t>(1 + below(254)));
    case 11:
      return world_.set_health(director, static_cast<int>(below(3)));
    case 12:
      return world_.wake(director);
  }
}

void Episode::start_the_dead() {
  for (std::size_t d = 0; d < world_.directors(); ++d) {
    if (!world_.group(d)) world_.start(d);
  }
}

void Episode::cut(std::size_t lan) {
  for (std::size_t from = 0; from < world_.directors(); ++from) {
    for (std::size_t to = 0; to < world_.directors(); ++to) {
      world_.set_path(lan, from, to, false);
    }
  }
}

void Episode::leave_in_peace() {
  ending_ = static_cast<Ending>(below(kEndings));
  const bool no_lan =
      ending_ == Ending::kNoLan && world_.directors() == 2 && world_.plan().has_sync;
  world_.set_loss(0);
  world_.set_sync(ending_ != Ending::kNoSync);
  if (ending_ != Ending::kDead) start_the_dead();
  for (std::size_t d = 0; d < world_.directors(); ++d) {
    if (ending_ != Ending::kFrozen) world_.set_frozen(d, false);
    if (ending_ != Ending::kGates) world_.set_gate(d, true);
    for (std::size_t lan = 0; lan < world_.lans(); ++lan) {
      if (ending_ != Ending::kFaults) world_.set_fault(d, lan, false);
      world_.set_priority(d, lan, world_.plan().directors[d].members[lan].priority);
      for (std::size_t to = 0; to < world_.directors(); ++to) world_.set_path(lan, d, to, true);
    }
  }
  const std::size_t spared = any_lan();
  for (std::size_t lan = 0; lan < world_.lans(); ++lan) {
    if (no_lan || (ending_ == Ending::kSomeLan && lan != spared)) cut(lan);
  }
}

// Whether it should be master instead.
bool Episode::is_wronged(std::size_t director, std::size_t master) const {
  const test::Conditions& conditions = world_.conditions(director);
  const Group& group = *world_.group(director);
  if (group.state() != State::kBackup || conditions.frozen) return false;
  const bool linked = world_.sync_up() && director < 2 && master < 2;
  const int advantage = conditions.health - world_.conditions(master).health;
  if (ending_ == Ending::kNoLan && linked && world_.directors() == 2) return advantage > 0;
  return world_.plan().directors[director].preempt && conditions.gate && !group.held() &&
         group.priority(0) > world_.group(master)->priority(0) && !(linked && advantage < 0);
}

std::string Episode::verdict() const {
  std::size_t masters = 0;
  std::size_t master = 0;
  bool may_be_none = true;
  for (std::size_t d = 0; d < world_.directors(); ++d) {
    if (!world_.group(d)) continue;
    const bool frozen = world_.conditions(d).frozen;
    const State state = world_.group(d)->state();
    if (!frozen && (state == State::kFault) != world_.has_fault(d)) return "FAULT without a fault";
    if (!frozen && !world_.has_fault(d)) may_be_none = false;
    if (state != State::kMaster) continue;
    ++masters;
    master = d;
  }
  if (masters > 1) return "several masters in the end";
  if (masters == 0) return may_be_none ? "" : "no master in the end";
  for (std::size_t d = 0; d < world_.directors(); ++d) {
    if (world_.group(d) && is_wronged(d, master)) {
      return "director " + std::to_string(master) + " is master instead of " + std::to_string(d);
    }
  }
  return "";
}

TEST(VrrpRandom, ManyLives) {
  const std::uint32_t first = lb::test::seed();
  constexpr unsigned kEpisodes = lb::test::rounds(10000);
  for (std::uint32_t i = 0; i < kEpisodes; ++i) {
    const std::string broken = Episode(first + i, false).run();
    if (broken.empty()) continue;
    Episode again(first + i, true);
    again.run();
    FAIL() << broken << "\nLB_SEED=" << first + i << " begins with it:\n" << again.trace();
  }
}

}  // namespace
}  // namespace lb::vrrp
