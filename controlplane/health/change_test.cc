// What a target keeps when its service gets another name or it gets another check.
#include <algorithm>

#include "controlplane/health/checker_fixture.h"

namespace lb::health {
namespace {

using config::CheckType;

class ChangeTest : public CheckerTest {
 protected:
  // `target` after its first result.
  void start(const Target& target, Verdict first) {
    checker_ = make_checker();
    checker_->add(target, std::nullopt);
    checker_->start();
    answer(0, first, "first");
    changes_.clear();
  }

  std::unique_ptr<Checker> checker_;
};

TEST_F(ChangeTest, KeepsTheCheckOverANewName) {
  Target web = target("web", "10.0.0.1:80");
  start(web, Verdict::kGood);
  const State before = checker_->state(web.id);
  web.service = "shop";
  EXPECT_FALSE(checker_->change(web, false));
  const State& after = checker_->state(web.id);
  EXPECT_TRUE(after.up);
  EXPECT_EQ(after.since, before.since);
  EXPECT_EQ(after.last_result, "first");
  EXPECT_EQ(after.question, before.question);
  EXPECT_EQ(probes_.size(), 1u) << "it is not checked again";
  checker_->remove(web.id);
  checker_->for_each_check([](const CheckView&) { ADD_FAILURE() << "its check is still there"; });
}

TEST_F(ChangeTest, PassesTheNewNameToAScript) {
  Target web = target("web", "10.0.0.1:80", CheckType::kScript);
  start(web, Verdict::kGood);
  const State before = checker_->state(web.id);
  web.service = "shop";
  EXPECT_FALSE(checker_->change(web, false));
  const State& after = checker_->state(web.id);
  EXPECT_TRUE(after.up);
  EXPECT_EQ(after.since, before.since);
  EXPECT_NE(after.question, before.question);
  ASSERT_EQ(probes_.size(), 2u);
  const auto& environment = probes_[1]->request.environment;
  EXPECT_NE(std::ranges::find(environment, "BALLAST_SERVICE=shop"), environment.end());
  answer(1, Verdict::kBad, "second");
  EXPECT_TRUE(after.up) << "the count of failures goes on, and three take it down";
  EXPECT_EQ(after.fall_count, 1u);
}

TEST_F(ChangeTest, KeepsTheStateUntilTheNewCheckHasResults) {
  Target web = target("web", "10.0.0.1:80");
  start(web, Verdict::kGood);
  const State before = checker_->state(web.id);
  web.check.port = 81;
  web.check.fall = 1;
  EXPECT_TRUE(checker_->change(web, true));
  const State& after = checker_->state(web.id);
  EXPECT_TRUE(after.up);
  EXPECT_EQ(after.since, before.since);
  EXPECT_EQ(after.last_result, "");
  EXPECT_TRUE(changes_.empty());
  ASSERT_EQ(probes_.size(), 2u) << "it is asked at once";
  EXPECT_FALSE(probes_[0]->done);
  answer(1, Verdict::kBad, "second");
  EXPECT_FALSE(after.up);
  EXPECT_EQ(after.transitions, 2u);
}

TEST_F(ChangeTest, TreatsAnUncheckedTargetAsNew) {
  Target web = target("web", "10.0.0.1:80");
  checker_ = make_checker();
  checker_->add(web, std::nullopt);
  checker_->start();
  web.check.port = 81;
  EXPECT_TRUE(checker_->change(web, false));
  ASSERT_EQ(probes_.size(), 2u);
  answer(1, Verdict::kGood);
  EXPECT_TRUE(checker_->state(web.id).up);
}

TEST_F(ChangeTest, KeepsTheStateOfAChangedAgent) {
  Target web = target("web", "10.0.0.1:80");
  web.agent.emplace().port = 9;
  start(web, Verdict::kGood);
  ASSERT_EQ(probes_.size(), 2u);
  probes_[1]->done({Verdict::kGood, "L7OK/maint", parse_agent_line("maint")});
  const std::size_t changes = changes_.size();
  web.agent->interval *= 2;
  EXPECT_FALSE(checker_->change(web, false));
  EXPECT_FALSE(checker_->state(web.id).up);
  EXPECT_EQ(changes_.size(), changes);
  EXPECT_EQ(checker_->state(web.id).agent_result, "L7OK/maint");
}

TEST_F(ChangeTest, ForgetsTheStateOfARemovedAgent) {
  Target web = target("web", "10.0.0.1:80");
  web.agent.emplace().port = 9;
  start(web, Verdict::kGood);
  ASSERT_EQ(probes_.size(), 2u);
  probes_[1]->done({Verdict::kGood, "L7OK/maint", parse_agent_line("maint")});
  EXPECT_FALSE(checker_->state(web.id).up);
  web.agent.reset();
  EXPECT_FALSE(checker_->change(web, true));
  EXPECT_TRUE(checker_->state(web.id).up);
  EXPECT_EQ(checker_->state(web.id).last_result, "first");
  EXPECT_EQ(changes_.back(), "web 10.0.0.1:80 up first");
}

}  // namespace
}  // namespace lb::health
