// Passive evidence brings checks forward.
#include <gtest/gtest.h>

#include "controlplane/health/checker_fixture.h"

namespace lb::health {
namespace {

using config::CheckType;
using std::chrono::milliseconds;

// The first checks of the targets, all good; no other is due within the test.
class HastenTest : public CheckerTest {
 protected:
  void start(const std::vector<Target>& targets) {
    checker_ = make_checker();
    for (const Target& each : targets) checker_->add(each, true);
    checker_->start();
    first_ = probes_.size();
    for (std::size_t i = 0; i < first_; ++i) answer(i, Verdict::kGood);
  }
  void hasten(const Target& target) { checker_->hasten(target.id); }
  // What is due runs; how many checks that began.
  std::size_t begun() {
    io_.restart();
    io_.poll();
    return probes_.size() - first_;
  }

  std::unique_ptr<Checker> checker_;
  std::size_t first_ = 0;
};

TEST_F(HastenTest, RunsTheNextCheckEarly) {
  Target web = target("web", "10.0.0.1:80");
  web.check.fall = 1;
  start({web, target("web", "10.0.0.2:80")});
  ASSERT_EQ(begun(), 0u);
  hasten(web);
  ASSERT_EQ(begun(), 1u);
  EXPECT_EQ(probes_[2]->request.to, web.address);
  hasten(web);  // it is being asked
  EXPECT_EQ(begun(), 1u);
  EXPECT_TRUE(checker_->state(web.id).up) << "evidence alone is no verdict";
  answer(2, Verdict::kBad, "L4CON connection refused");
  EXPECT_FALSE(checker_->state(web.id).up);
  hasten(web);  // it is down already
  EXPECT_EQ(begun(), 1u);
}

TEST_F(HastenTest, RunsOneCheckInAFlood) {
  const Target web = target("web", "10.0.0.1:80");
  start({web});
  hasten(web);
  ASSERT_EQ(begun(), 1u);
  answer(1, Verdict::kGood);
  for (int i = 0; i < 1000; ++i) hasten(web);
  EXPECT_EQ(begun(), 1u);
}

TEST_F(HastenTest, RepeatsFailedChecksWhileHandshakesFail) {
  Target web = target("web", "10.0.0.1:80");
  web.check.fall = 2;
  web.check.interval = milliseconds(400);  // the limit is a quarter of it
  start({web});
  while (checker_->state(web.id).up) {
    hasten(web);
    io_.restart();
    ASSERT_GT(io_.run_one(), 0u);
    if (probes_.back()->done) probes_.back()->answer(Verdict::kBad, "L4TOUT");
  }
  EXPECT_EQ(probes_.size(), 3u);
}

TEST_F(HastenTest, AppliesOnlyToServicesThatEnableIt) {
  Target deaf = target("deaf", "10.0.0.1:80");
  deaf.check.passive = false;
  const Target web = target("web", "10.0.0.1:80");
  start({deaf, web});
  ASSERT_EQ(first_, 1u) << "they share their check";
  hasten(deaf);
  EXPECT_EQ(begun(), 0u);
  hasten(target("web", "10.0.0.9:80"));  // unknown
  EXPECT_EQ(begun(), 0u);
  hasten(web);
  EXPECT_EQ(begun(), 1u);
}

TEST_F(HastenTest, DoesNotApplyToPausedOrStoppedChecks) {
  const Target web = target("web", "10.0.0.1:80");
  start({web, target("none", "10.0.0.3:80", CheckType::kNone)});
  hasten(target("none", "10.0.0.3:80"));
  checker_->pause_checks([](const Address&) { return true; }, "not checked");
  hasten(web);
  EXPECT_EQ(begun(), 0u);
  checker_->stop();
  hasten(web);
  EXPECT_EQ(begun(), 0u);
}

}  // namespace
}  // namespace lb::health
