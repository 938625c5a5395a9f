#include "controlplane/health/checker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/health/checker_fixture.h"

namespace lb::health {
namespace {

using config::CheckType;
using std::chrono::milliseconds;

constexpr milliseconds kShort{1};

TEST_F(CheckerTest, StopsChecksOfRemovedTargets) {
  const auto checker = make_checker();
  const Target web = target("web", "10.0.0.1:80", CheckType::kTcp, kShort);
  const Target also = target("also", "10.0.0.1:80", CheckType::kTcp, kShort);
  checker->add(web, true);
  checker->add(also, true);
  checker->start();
  ASSERT_EQ(probes_.size(), 1u);
  checker->remove(web.id);
  checker->remove(web.id);
  EXPECT_FALSE(checker->state(web.id).up);
  answer(0, Verdict::kGood, "good");
  EXPECT_EQ(checker->state(also.id).last_result, "good");
  run_until_started(2);
  checker->remove(also.id);  // while it is asked
  EXPECT_FALSE(probes_[1]->done);
  io_.restart();
  io_.run();  // no timer is left
  EXPECT_EQ(probes_.size(), 2u);

  // One that comes back is new.
  checker->add(web, std::nullopt);
  ASSERT_EQ(probes_.size(), 3u);
  answer(2, Verdict::kGood, "good");
  EXPECT_EQ(changes_, std::vector<std::string>{"web 10.0.0.1:80 up good"});
}

TEST_F(CheckerTest, AllowsRemovalFromOnChange) {
  const Target web = target("web", "10.0.0.1:80");
  const Target also = target("also", "10.0.0.1:80");
  std::unique_ptr<Checker> checker;
  checker = std::make_unique<Checker>(
      io_,
      [&](const Target& changed, const State&) {
        changes_.push_back(changed.service);
        checker->remove(web.id);
        checker->remove(also.id);
      },
      std::make_unique<FakeProber>(probes_));
  checker->add(web, std::nullopt);
  checker->add(also, std::nullopt);
  checker->start();
  answer(0, Verdict::kGood);
  EXPECT_EQ(changes_, std::vector<std::string>{"web"});
  EXPECT_FALSE(checker->state(web.id).up);
}

TEST_F(CheckerTest, BringsANewTargetUpWithItsFirstResult) {
  const auto checker = make_checker();
  const Target web = target("web", "10.0.0.1:80");
  checker->add(web, std::nullopt);
  EXPECT_TRUE(probes_.empty());
  checker->start();
  ASSERT_EQ(probes_.size(), 1u);
  EXPECT_FALSE(checker->state(web.id).up);
  EXPECT_EQ(checker->state(web.id).last_result, "");

  answer(0, Verdict::kGood, "L4OK in 1ms");
  EXPECT_EQ(changes_, std::vector<std::string>{"web 10.0.0.1:80 up L4OK in 1ms"});
  EXPECT_TRUE(checker->state(web.id).up);
  EXPECT_EQ(checker->state(web.id).rise_count, 1u);
  EXPECT_EQ(checker->state(web.id).last_result, "L4OK in 1ms");
}

TEST_F(CheckerTest, KeepsAKnownStateUntilFallBadResults) {
  const auto checker = make_checker();
  const Target web = target("web", "10.0.0.1:80", CheckType::kTcp, kShort);
  checker->add(web, true);
  checker->start();
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(checker->state(web.id).up);
    EXPECT_TRUE(changes_.empty());
    run_until_started(i + 1);
    answer(i, Verdict::kBad, "L4CON connection refused");
  }
  EXPECT_FALSE(checker->state(web.id).up);
  EXPECT_EQ(checker->state(web.id).fall_count, 3u);
  ASSERT_EQ(changes_.size(), 1u);
  EXPECT_EQ(changes_[0], "web 10.0.0.1:80 down L4CON connection refused");

  run_until_started(4);
  answer(3, Verdict::kGood);
  EXPECT_FALSE(checker->state(web.id).up);
  run_until_started(5);
  answer(4, Verdict::kGood);
  EXPECT_TRUE(checker->state(web.id).up);
  EXPECT_EQ(changes_.size(), 2u);
}

TEST_F(CheckerTest, ChangesOnlyTheTextForAnInconclusiveResult) {
  const auto checker = make_checker();
  const Target web = target("web", "10.0.0.1:80", CheckType::kTcp, kShort);
  checker->add(web, std::nullopt);
  checker->start();
  answer(0, Verdict::kInconclusive, "SOCKERR too many open files");
  EXPECT_EQ(checker->state(web.id).last_result, "SOCKERR too many open files");
  EXPECT_EQ(checker->state(web.id).fall_count, 0u);
  run_until_started(2);
  answer(1, Verdict::kGood);
  EXPECT_TRUE(checker->state(web.id).up) << "it is still the first result that decides";
}

TEST_F(CheckerTest, SharesACheckAndCountsPerService) {
  const auto checker = make_checker();
  Target strict = target("strict", "10.0.0.1:80");
  strict.check.fall = 1;
  const Target patient = target("patient", "10.0.0.1:80");
  const Target fresh = target("fresh", "10.0.0.1:80");
  checker->add(strict, true);
  checker->add(patient, true);
  checker->add(fresh, std::nullopt);
  checker->start();
  ASSERT_EQ(probes_.size(), 1u);
  answer(0, Verdict::kBad, "L4TOUT after 1000ms");
  EXPECT_FALSE(checker->state(strict.id).up);
  EXPECT_TRUE(checker->state(patient.id).up);
  EXPECT_FALSE(checker->state(fresh.id).up);
  EXPECT_EQ(checker->state(fresh.id).last_result, "L4TOUT after 1000ms");
  EXPECT_EQ(changes_, std::vector<std::string>{"strict 10.0.0.1:80 down L4TOUT after 1000ms"});
}

TEST_F(CheckerTest, CallsOnChangeForEveryTargetOfASharedCheck) {
  const auto checker = make_checker();
  checker->add(target("a", "10.0.0.1:80"), std::nullopt);
  checker->add(target("b", "10.0.0.1:80"), std::nullopt);
  checker->add(target("c", "10.0.0.2:80"), std::nullopt);
  checker->start();
  ASSERT_EQ(probes_.size(), 2u);
  answer(0, Verdict::kGood);
  EXPECT_EQ(changes_, (std::vector<std::string>{"a 10.0.0.1:80 up text", "b 10.0.0.1:80 up text"}));
}

TEST_F(CheckerTest, BringsATargetWithoutCheckUpWithoutTraffic) {
  const auto checker = make_checker();
  const Target fresh = target("fresh", "10.0.0.1:80", CheckType::kNone);
  const Target was_down = target("was-down", "10.0.0.1:80", CheckType::kNone);
  const Target was_up = target("was-up", "10.0.0.1:80", CheckType::kNone);
  checker->add(fresh, std::nullopt);
  checker->add(was_down, false);
  checker->add(was_up, true);
  checker->start();
  io_.run();
  EXPECT_TRUE(probes_.empty());
  EXPECT_TRUE(checker->state(fresh.id).up);
  EXPECT_TRUE(checker->state(was_down.id).up);
  EXPECT_TRUE(checker->state(was_up.id).up);
  EXPECT_EQ(changes_.size(), 2u);
  EXPECT_EQ(checker->state(was_up.id).last_result, "no check");

  const Target late = target("late", "10.0.0.1:80", CheckType::kNone);
  checker->add(late, std::nullopt);
  io_.restart();
  io_.run();
  EXPECT_TRUE(checker->state(late.id).up);
  EXPECT_EQ(changes_.size(), 3u);
}

TEST_F(CheckerTest, RunsFirstChecksInOrderAndLimitsTheirNumber) {
  const auto checker = make_checker();
  for (int i = 0; i < 2000; ++i) {
    checker->add(target("web", "10.0." + std::to_string(i / 250) + "." +
                                   std::to_string(i % 250 + 1) + ":80"),
                 std::nullopt);
  }
  checker->start();
  ASSERT_EQ(probes_.size(), 512u);
  EXPECT_EQ(probes_[0]->request.to.to_string(), "10.0.0.1:80");
  EXPECT_EQ(probes_[511]->request.to.to_string(), "10.0.2.12:80");
  answer(0, Verdict::kGood);
  EXPECT_EQ(probes_.size(), 513u);
  for (std::size_t i = 1; i < probes_.size(); ++i) answer(i, Verdict::kBad);
  EXPECT_EQ(probes_.size(), 2000u);
}

TEST_F(CheckerTest, StartsFirstChecksWithinTheirInterval) {
  const auto checker = make_checker();
  for (int i = 0; i < 600; ++i) {
    checker->add(target("web", "10.0.0.1:" + std::to_string(i + 1), CheckType::kTcp, kShort),
                 std::nullopt);
  }
  checker->start();
  EXPECT_EQ(probes_.size(), 512u);
  run_until_started(600);  // though none has ended
  for (std::size_t i = 0; i < 600; ++i) {
    EXPECT_TRUE(probes_[i]->done) << "none was asked twice at a time";
  }
}

TEST_F(CheckerTest, ChecksALaterTargetAtOnce) {
  const auto checker = make_checker();
  checker->start();
  const Target web = target("web", "10.0.0.1:80");
  checker->add(web, std::nullopt);
  ASSERT_EQ(probes_.size(), 1u);
  answer(0, Verdict::kGood);
  EXPECT_TRUE(checker->state(web.id).up);
}

TEST_F(CheckerTest, IgnoresAddOfAKnownTarget) {
  const auto checker = make_checker();
  const Target web = target("web", "10.0.0.1:80");
  checker->add(web, true);
  checker->add(web, false);
  EXPECT_TRUE(checker->state(web.id).up);
  checker->start();
  EXPECT_EQ(probes_.size(), 1u);
}

TEST_F(CheckerTest, ReportsAnUnknownTargetAsDown) {
  const auto checker = make_checker();
  EXPECT_FALSE(checker->state(target("web", "10.0.0.1:80").id).up);
}

TEST_F(CheckerTest, KeepsStatesOverStopAndStart) {
  const auto checker = make_checker();
  const Target web = target("web", "10.0.0.1:80", CheckType::kTcp, kShort);
  checker->add(web, true);
  checker->start();
  answer(0, Verdict::kBad);
  run_until_started(2);
  checker->stop();
  EXPECT_FALSE(probes_[1]->done) << "the running probe is cancelled";
  io_.restart();
  io_.run();  // no timer is left
  EXPECT_EQ(probes_.size(), 2u);

  io_.restart();
  checker->start();
  EXPECT_EQ(probes_.size(), 3u);
  EXPECT_EQ(checker->state(web.id).fall_count, 1u);
}

TEST_F(CheckerTest, DoesNotCheckACutOffServer) {
  const auto checker = make_checker();
  const Target near = target("near", "10.0.0.1:80", CheckType::kTcp, kShort);
  const Target far = target("far", "10.0.1.1:80", CheckType::kTcp, kShort);
  checker->add(near, std::nullopt);
  checker->add(far, std::nullopt);
  checker->start();
  answer(0, Verdict::kGood, "L4OK");
  answer(1, Verdict::kGood, "L4OK");
  run_until_started(4);
  const auto cut = [&far](const Address& address) { return address == far.address.address; };
  const auto none = [](const Address&) { return false; };
  checker->pause_checks(cut, "no link");
  // The check that was under way is over, and no other one is begun.
  const auto is_of = [](const Target& which) {
    return
        [&which](const auto& probe) { return probe->done && probe->request.to == which.address; };
  };
  EXPECT_EQ(std::ranges::count_if(probes_, is_of(far)), 0);
  EXPECT_EQ(std::ranges::count_if(probes_, is_of(near)), 1);
  for (std::size_t i = 0; i < 5; ++i) {
    const auto asked = std::ranges::find_if(probes_, is_of(near));
    ASSERT_NE(asked, probes_.end());
    (*asked)->answer(Verdict::kGood, "L4OK");
    run_until_started(5 + i);
  }
  EXPECT_EQ(std::ranges::count_if(probes_, is_of(far)), 0);
  EXPECT_TRUE(checker->state(far.id).up);
  EXPECT_EQ(checker->state(far.id).last_result, "no link");
  EXPECT_EQ(checker->state(near.id).last_result, "L4OK");
  checker->pause_checks(cut, "no link");
  EXPECT_EQ(probes_.size(), 9u);

  checker->pause_checks(none, "");
  EXPECT_EQ(probes_.size(), 10u);  // at once
  EXPECT_EQ(std::ranges::count_if(probes_, is_of(far)), 1);
  EXPECT_EQ(changes_.size(), 2u);
}

TEST_F(CheckerTest, LeavesAServerUncheckedThatIsCutOffFromTheStart) {
  const auto checker = make_checker();
  const Target web = target("web", "10.0.0.1:80");
  checker->add(web, std::nullopt);
  checker->pause_checks([](const Address&) { return true; }, "no link");
  checker->start();
  EXPECT_TRUE(probes_.empty());
  EXPECT_EQ(checker->state(web.id).last_result, "");
  checker->pause_checks([](Address) { return false; }, "");
  ASSERT_EQ(probes_.size(), 1u);
  answer(0, Verdict::kGood);
  EXPECT_TRUE(checker->state(web.id).up);
}

TEST_F(CheckerTest, CountsABadResultOnlyAfterItsRetries) {
  const auto checker = make_checker();
  Target web = target("web", "10.0.0.1:80");
  web.check.fall = 1;
  web.check.retry = 2;
  web.check.retry_delay = kShort;
  checker->add(web, true);
  checker->start();
  for (std::size_t i = 0; i < 2; ++i) {
    answer(i, Verdict::kBad);
    EXPECT_TRUE(checker->state(web.id).up);
    io_.restart();
    while (probes_.size() == i + 1) io_.run_one();
  }
  answer(2, Verdict::kBad);
  EXPECT_FALSE(checker->state(web.id).up);
}

TEST_F(CheckerTest, AllowsItsUseFromOnChange) {
  std::unique_ptr<Checker> checker;
  int calls = 0;
  checker = std::make_unique<Checker>(
      io_,
      [&](const Target&, const State&) {
        ++calls;
        if (calls == 1) checker->add(target("late", "10.0.0.1:80"), std::nullopt);
        if (calls == 2) checker.reset();
      },
      std::make_unique<FakeProber>(probes_));
  checker->add(target("a", "10.0.0.1:80"), std::nullopt);
  checker->add(target("b", "10.0.0.1:80"), std::nullopt);
  checker->add(target("c", "10.0.0.1:80"), std::nullopt);
  checker->start();
  answer(0, Verdict::kGood);
  EXPECT_EQ(calls, 2);
  io_.run();
}

TEST_F(CheckerTest, CancelsEverythingWhenDestroyed) {
  auto checker = make_checker();
  checker->add(target("web", "10.0.0.1:80"), std::nullopt);
  checker->add(target("web", "10.0.0.2:80", CheckType::kNone), std::nullopt);
  checker->start();
  checker.reset();
  ASSERT_EQ(probes_.size(), 1u);
  EXPECT_FALSE(probes_[0]->done);
  io_.run();
  EXPECT_TRUE(changes_.empty());
}

TEST_F(CheckerTest, RestoresAHistory) {
  using std::chrono::minutes;
  const auto checker = make_checker();
  const Target web = target("web", "10.0.0.1:80");
  const auto now = std::chrono::steady_clock::now();
  // Up for half of 8 minutes, of which the last one; written a minute ago.
  const SavedState saved{now - minutes(1), true, now - minutes(2), now - minutes(9), minutes(4), 7};
  const auto about = [](auto duration) {
    return std::chrono::duration_cast<minutes>(duration + std::chrono::seconds(1)).count();
  };
  const auto remembered = [&](std::optional<bool> up, bool in_between) {
    checker->remove(web.id);
    checker->add(web, up);
    checker->restore(web.id, saved, in_between);
    return checker->state(web.id);
  };

  State state = remembered(true, true);
  EXPECT_EQ(state.since, saved.since);
  EXPECT_EQ(state.known_since, saved.known_since);
  EXPECT_EQ(state.transitions, 7u);
  EXPECT_EQ(about(state.up_time(std::chrono::steady_clock::now())), 5);

  state = remembered(false, true);  // it changed after the file was written
  EXPECT_GE(state.since, now);
  EXPECT_EQ(state.transitions, 8u);
  EXPECT_EQ(about(state.up_time(std::chrono::steady_clock::now())), 5);

  state = remembered(std::nullopt, false);  // the director was off for a minute
  EXPECT_FALSE(state.up);
  EXPECT_EQ(state.transitions, 7u);
  EXPECT_EQ(about(state.up_time(std::chrono::steady_clock::now())), 4);
  EXPECT_EQ(about(std::chrono::steady_clock::now() - state.known_since), 8);
}

}  // namespace
}  // namespace lb::health
