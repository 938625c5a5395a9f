#include "controlplane/health/panic_guard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace lb::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Time = PanicGuard::Time;
using Target = PanicGuard::Target;

constexpr milliseconds kWindow{10'000};

Time at(int seconds_since) {
  return Time(seconds(seconds_since));
}

RealServerId server(std::uint64_t id) {
  return RealServerId{static_cast<std::uint32_t>(id)};
}

// Of a question of its own, on a server of its own.
Target target(std::uint64_t id) {
  return {server(id), 1000 + id,
          Ipv4Address::from_host(0x0a000000 + static_cast<std::uint32_t>(id))};
}

// `count` targets that are up, of a guard with a threshold of 50 percent.
PanicGuard guard_of(std::uint64_t count) {
  PanicGuard guard;
  guard.configure({50, kWindow}, at(0));
  for (std::uint64_t id = 1; id <= count; ++id) guard.good(target(id), at(0));
  return guard;
}

struct Ids : std::vector<RealServerId> {
  Ids() = default;
  Ids(std::initializer_list<std::uint64_t> ids) {
    for (const std::uint64_t id : ids) push_back(server(id));
  }
};

Ids held(const PanicGuard& guard, std::uint64_t most = 20) {
  Ids ids;
  for (std::uint64_t id = 1; id <= most; ++id) {
    if (guard.holds(server(id))) ids.push_back(server(id));
  }
  return ids;
}

TEST(PanicGuard, HoldsAllFailedServersAboveTheThreshold) {
  PanicGuard guard = guard_of(6);
  EXPECT_FALSE(guard.bad(target(1), at(1)));
  EXPECT_FALSE(guard.bad(target(2), at(2)));
  EXPECT_FALSE(guard.bad(target(3), at(3)));
  EXPECT_EQ(held(guard), Ids{});
  EXPECT_TRUE(guard.bad(target(4), at(4)));
  EXPECT_TRUE(guard.holding());
  EXPECT_EQ(held(guard), (Ids{1, 2, 3, 4}));
  EXPECT_EQ(guard.counts().failing, 4u);
  EXPECT_EQ(guard.counts().all, 6u);
  EXPECT_FALSE(guard.bad(target(5), at(5)));
  EXPECT_EQ(held(guard), (Ids{1, 2, 3, 4, 5}));
}

TEST(PanicGuard, IsOffWithoutAThreshold) {
  PanicGuard guard = guard_of(6);
  guard.configure({0, kWindow}, at(0));
  for (std::uint64_t id = 1; id <= 6; ++id) EXPECT_FALSE(guard.bad(target(id), at(1)));
  EXPECT_FALSE(guard.holding());
}

TEST(PanicGuard, CountsOnlyFailuresWithinTheWindow) {
  PanicGuard guard = guard_of(6);
  for (int id = 1; id <= 6; ++id) {
    guard.bad(target(static_cast<std::uint64_t>(id)), at(11 * id));
    EXPECT_FALSE(guard.holding()) << id;
  }
}

TEST(PanicGuard, NeverTripsForFewServers) {
  PanicGuard guard = guard_of(2);
  guard.bad(target(1), at(1));
  guard.bad(target(2), at(1));
  EXPECT_FALSE(guard.holding());
}

// One machine with ten services dies beside two with one each.
TEST(PanicGuard, DoesNotTripForOneDeadMachine) {
  PanicGuard guard = guard_of(2);
  for (std::uint64_t id = 10; id < 20; ++id) {
    guard.good({server(id), 1000 + id, target(3).server}, at(0));
  }
  for (std::uint64_t id = 10; id < 20; ++id)
    guard.bad({server(id), 1000 + id, target(3).server}, at(1));
  guard.bad(target(1), at(1));
  EXPECT_FALSE(guard.holding());
  guard.bad(target(2), at(1));
  EXPECT_TRUE(guard.holding());
}

// Nine services share the check of a server.
TEST(PanicGuard, CountsASharedCheckOnce) {
  PanicGuard guard = guard_of(6);
  for (std::uint64_t id = 11; id < 20; ++id)
    guard.good({server(id), 1001, target(1).server}, at(0));
  guard.bad(target(1), at(1));
  for (std::uint64_t id = 11; id < 20; ++id) guard.bad({server(id), 1001, target(1).server}, at(1));
  guard.bad(target(2), at(1));
  guard.bad(target(3), at(1));
  EXPECT_FALSE(guard.holding());
  EXPECT_EQ(guard.counts().failing, 3u);
  EXPECT_EQ(guard.counts().all, 6u);
}

TEST(PanicGuard, ReleasesAServerThatIsGoodAgain) {
  PanicGuard guard = guard_of(4);
  for (std::uint64_t id = 1; id <= 4; ++id) guard.bad(target(id), at(1));
  for (std::uint64_t id = 1; id <= 3; ++id) EXPECT_FALSE(guard.good(target(id), at(2)));
  EXPECT_EQ(held(guard), Ids{4});
  EXPECT_FALSE(guard.good(target(4), at(3)));
  EXPECT_FALSE(guard.holding());
  // A single failure afterwards is one as ever.
  EXPECT_FALSE(guard.bad(target(1), at(4)));
  EXPECT_EQ(held(guard), Ids{});
}

TEST(PanicGuard, ReleasesTheRestAfterAWindowBelowTheThreshold) {
  PanicGuard guard = guard_of(6);
  for (std::uint64_t id = 1; id <= 6; ++id) guard.bad(target(id), at(1));
  for (std::uint64_t id = 1; id <= 3; ++id) guard.good(target(id), at(20));
  EXPECT_EQ(guard.next(), at(30));
  EXPECT_FALSE(guard.pass(at(29)));
  EXPECT_EQ(held(guard), (Ids{4, 5, 6}));
  EXPECT_TRUE(guard.pass(at(30)));
  EXPECT_EQ(held(guard), Ids{});
  EXPECT_FALSE(guard.holding());
  EXPECT_FALSE(guard.next());
  // They no longer count: one more is not the fourth.
  EXPECT_FALSE(guard.bad(target(1), at(31)));
  EXPECT_FALSE(guard.holding());
}

TEST(PanicGuard, RestartsTheWindowOnAnotherFailure) {
  PanicGuard guard = guard_of(6);
  for (std::uint64_t id = 1; id <= 6; ++id) guard.bad(target(id), at(1));
  for (std::uint64_t id = 1; id <= 3; ++id) guard.good(target(id), at(20));
  guard.bad(target(1), at(25));
  EXPECT_FALSE(guard.next());
  EXPECT_FALSE(guard.pass(at(40)));
  EXPECT_EQ(held(guard), (Ids{1, 4, 5, 6}));
}

TEST(PanicGuard, ReleasesServersThatThePeerFindsDown) {
  PanicGuard guard = guard_of(6);
  for (std::uint64_t id = 1; id <= 5; ++id) guard.bad(target(id), at(1));
  const Ids dead = {2, 3, 6, 99};  // 6 is up here, 99 nothing
  EXPECT_TRUE(guard.agree(dead, at(2)));
  EXPECT_EQ(held(guard), (Ids{1, 4, 5}));
  EXPECT_FALSE(guard.agree(dead, at(3)));
  EXPECT_TRUE(guard.agree(Ids{1, 4, 5}, at(4)));
  EXPECT_FALSE(guard.holding());
}

TEST(PanicGuard, ReleasesAllOnAnOperatorsCommand) {
  PanicGuard guard = guard_of(4);
  for (std::uint64_t id = 1; id <= 4; ++id) guard.bad(target(id), at(1));
  EXPECT_TRUE(guard.release_all(at(2)));
  EXPECT_EQ(held(guard), Ids{});
  EXPECT_FALSE(guard.release_all(at(2)));
}

TEST(PanicGuard, EndsByANewConfiguration) {
  PanicGuard guard = guard_of(4);
  for (std::uint64_t id = 1; id <= 4; ++id) guard.bad(target(id), at(1));
  EXPECT_FALSE(guard.configure({60, kWindow}, at(2)));
  EXPECT_TRUE(guard.holding());
  EXPECT_TRUE(guard.configure({0, kWindow}, at(2)));
  EXPECT_EQ(held(guard), Ids{});
}

TEST(PanicGuard, DoesNotCountRemovedServers) {
  PanicGuard guard = guard_of(8);
  for (std::uint64_t id = 1; id <= 4; ++id) guard.bad(target(id), at(1));
  EXPECT_FALSE(guard.holding());
  guard.forget(server(8), at(1));
  guard.bad(target(5), at(2));
  EXPECT_TRUE(guard.holding());
  for (std::uint64_t id = 1; id <= 5; ++id) guard.forget(server(id), at(3));
  EXPECT_FALSE(guard.holding());
  EXPECT_EQ(guard.counts().all, 2u);
}

TEST(PanicGuard, KeepsAServerHeldWhenItsCheckChanges) {
  PanicGuard guard = guard_of(4);
  for (std::uint64_t id = 1; id <= 4; ++id) guard.bad(target(id), at(1));
  guard.change_question(server(1), 7);
  guard.change_question(server(2), 7);
  guard.change_question(server(9), 7);  // nothing
  EXPECT_EQ(held(guard), (Ids{1, 2, 3, 4}));
  EXPECT_EQ(guard.counts().failing, 3u);
  EXPECT_EQ(guard.counts().all, 3u);
}

// A model of the rules without stored counts: it evaluates everything every time.
class Book {
 public:
  explicit Book(unsigned threshold) : threshold_(threshold) {}

  void good(const Target& target, Time now) {
    targets_[target.id] = {target, true, false, now};
    settle(now);
  }
  void bad(const Target& target, Time now) {
    const auto known = targets_.find(target.id);
    if (known == targets_.end() || !known->second.good) return;
    known->second = {target, false, holding_, now};
    if (!holding_ && above(now)) {
      for (auto& [id, each] : targets_) each.held = fails(each, now);
      holding_ = true;
      calm_.reset();
    }
    settle(now);
  }
  void forget(RealServerId id, Time now) {
    targets_.erase(id);
    settle(now);
  }
  void agree(const Ids& ids, Time now) {
    for (const RealServerId id : ids) {
      const auto known = targets_.find(id);
      if (known != targets_.end() && known->second.held) targets_.erase(known);
    }
    settle(now);
  }
  void release_all() { release(); }
  void settle(Time now) {
    if (!holding_) return;
    const bool any =
        std::ranges::any_of(targets_, [](const auto& each) { return each.second.held; });
    if (!any) return release();
    if (above(now)) return calm_.reset();
    if (!calm_) calm_ = now;
    if (now - *calm_ >= kWindow) release();
  }
  bool holds(RealServerId id) const {
    const auto known = targets_.find(id);
    return known != targets_.end() && known->second.held;
  }

 private:
  struct Known {
    Target target;
    bool good;
    bool held;
    Time since;
  };

  bool fails(const Known& each, Time now) const {
    return !each.good && (holding_ ? each.held : now - each.since <= kWindow);
  }
  bool above(Time now) const {
    std::set<std::uint64_t> failing, all;
    std::set<Address> servers;
    for (const auto& [id, each] : targets_) {
      if (!each.good && !fails(each, now)) continue;
      all.insert(each.target.question);
      if (each.good) continue;
      failing.insert(each.target.question);
      servers.insert(each.target.server);
    }
    return threshold_ > 0 && servers.size() >= 3 && failing.size() * 100 > threshold_ * all.size();
  }
  void release() {
    holding_ = false;
    calm_.reset();
    std::erase_if(targets_, [](const auto& each) { return each.second.held; });
  }

  unsigned threshold_;
  std::map<RealServerId, Known> targets_;
  bool holding_ = false;
  std::optional<Time> calm_;
};

// Random courses: a few servers, questions shared by targets, storms and recoveries.
class Course {
 public:
  explicit Course(unsigned seed)
      : random_(seed), threshold_(seed % 7 == 0 ? 0 : 10 + seed % 80), book_(threshold_) {
    guard_.configure({threshold_, kWindow}, at(0));
    const std::uint64_t servers = 1 + seed % 9;
    for (std::uint64_t id = 1; id <= kTargets; ++id) {
      const std::uint64_t question = random_() % (servers * 2);
      targets_.push_back({server(id), question, target(question % servers).server});
    }
  }

  void run() {
    for (int step = 0; step < 400 && !testing::Test::HasFailure(); ++step) {
      now_ += milliseconds(random_() % 3 == 0 ? random_() % 6'000 : random_() % 300);
      one();
      for (const Target& each : targets_) {
        ASSERT_EQ(guard_.holds(each.id), book_.holds(each.id))
            << "target " << static_cast<std::uint32_t>(each.id);
        held_ever_ += guard_.holds(each.id) ? 1u : 0u;
      }
    }
  }
  std::size_t held_ever() const { return held_ever_; }

 private:
  static constexpr std::uint64_t kTargets = 16;

  void one() {
    // Long storms and long recoveries, so that both ends are reached.
    if (random_() % 40 == 0) stormy_ = !stormy_;
    const Target& each = targets_[random_() % targets_.size()];
    std::vector<bool> before;
    for (const Target& other : targets_) before.push_back(guard_.holds(other.id));
    bool said = false;
    bool all = false;
    switch (const auto kind = random_() % 40; kind) {
      case 0: {
        Ids ids = {1 + random_() % kTargets, 1 + random_() % kTargets};
        ids.push_back(each.id);
        said = guard_.agree(ids, now_);
        all = true;
        book_.agree(ids, now_);
        break;
      }
      case 1:
        said = guard_.forget(each.id, now_);
        book_.forget(each.id, now_);
        break;
      case 2:
        if (random_() % 4 != 0) break;
        said = guard_.release_all(now_);
        all = true;
        book_.release_all();
        break;
      case 3:
      case 4:
        said = guard_.pass(now_);
        all = true;
        book_.settle(now_);
        break;
      default:
        if ((kind % 4 == 0) != stormy_) {
          said = guard_.bad(each, now_);
          book_.bad(each, now_);
        } else {
          said = guard_.good(each, now_);
          book_.good(each, now_);
        }
    }
    bool others = false;
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      others |= (all || targets_[i].id != each.id) && before[i] != guard_.holds(targets_[i].id);
    }
    EXPECT_EQ(said, others);
  }

  std::mt19937 random_;
  unsigned threshold_;
  PanicGuard guard_;
  Book book_;
  std::vector<Target> targets_;
  Time now_ = at(0);
  bool stormy_ = false;
  std::size_t held_ever_ = 0;
};

TEST(PanicGuard, MatchesTheModelInRandomSequences) {
  std::size_t held_ever = 0;
  for (unsigned seed = 0; seed < 300 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Course course(seed);
    course.run();
    held_ever += course.held_ever();
  }
  EXPECT_GT(held_ever, 10'000u);  // the courses were no idle ones
}

}  // namespace
}  // namespace lb::health
