#include <gtest/gtest.h>

#include <utility>

#include "controlplane/health/checker.h"
#include "controlplane/health/checker_fixture.h"

namespace lb::health {
namespace {

constexpr std::chrono::milliseconds kAgentTimeout{1};

TEST_F(CheckerTest, CombinesAgentAndCheck) {
  const auto checker = make_checker();
  int weights = 0;
  checker->set_on_weight([&](const Target&, const State&) { ++weights; });
  Target web = target("web", "10.0.0.1:80");
  web.agent =
      config::AgentCheck{.port = 9, .send = "", .interval = kLong, .timeout = kAgentTimeout};
  checker->add(web, true);
  checker->start();
  ASSERT_EQ(probes_.size(), 2u);
  EXPECT_EQ(probes_[1]->request.to.port, 9);
  std::exchange(probes_[1]->done,
                nullptr)({Verdict::kGood, "L7OK/50% in 1ms", parse_agent_line("50%")});
  EXPECT_EQ(weights, 1);
  EXPECT_EQ(checker->state(web.id).weight_of(10), 5);
  EXPECT_TRUE(checker->state(web.id).up);

  checker->stop();
  checker->start();
  std::exchange(probes_.back()->done,
                nullptr)({Verdict::kGood, "L7OK/maint in 1ms", parse_agent_line("maint")});
  EXPECT_FALSE(checker->state(web.id).up);
  EXPECT_EQ(checker->state(web.id).last_result, "agent L7OK/maint in 1ms");
  EXPECT_EQ(checker->state(web.id).transitions, 1u);

  checker->stop();
  checker->start();
  std::exchange(probes_.back()->done, nullptr)({Verdict::kBad, "L4CON connection refused"});
  EXPECT_FALSE(checker->state(web.id).up) << "an agent that is silent changes nothing";
}

}  // namespace
}  // namespace lb::health
