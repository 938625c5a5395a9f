#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/health/active_check.h"
#include "controlplane/health/checker.h"
#include "controlplane/health/checker_fixture.h"

namespace lb::health {
namespace {

constexpr std::chrono::milliseconds kAgentTimeout{1};

Target with_agent() {
  Target web = target("web", "10.0.0.1:80");
  web.agent =
      config::AgentCheck{.port = 9, .send = "", .interval = kLong, .timeout = kAgentTimeout};
  return web;
}

TEST_F(CheckerTest, CombinesAgentAndCheck) {
  const auto checker = make_checker();
  int weights = 0;
  checker->set_on_weight([&](const Target&, const State&) { ++weights; });
  const Target web = with_agent();
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

TEST_F(CheckerTest, ReportsAWeightBeyondTheConfiguredOne) {
  const auto checker = make_checker();
  std::vector<std::uint16_t> weights;
  checker->set_on_weight(
      [&](const Target&, const State& state) { weights.push_back(state.weight_of(10)); });
  checker->add(with_agent(), true);
  for (const char* const line : {"150%", "200%", "200%", "100%"}) {
    checker->start();
    std::exchange(probes_.back()->done, nullptr)({Verdict::kGood, "L7OK/", parse_agent_line(line)});
    checker->stop();
  }
  EXPECT_EQ(weights, (std::vector<std::uint16_t>{15, 20, 10}));
}

TEST_F(CheckerTest, ReportsAnAgentsLimitOfConnections) {
  const auto checker = make_checker();
  std::vector<std::uint32_t> limits;
  checker->set_on_weight(
      [&](const Target&, const State& state) { limits.push_back(state.agent.max_connections); });
  checker->add(with_agent(), true);
  for (const char* const line : {"maxconn:30", "maxconn:30 up", "maxconn:0", "up"}) {
    checker->start();
    std::exchange(probes_.back()->done, nullptr)({Verdict::kGood, "L7OK/", parse_agent_line(line)});
    checker->stop();
  }
  EXPECT_EQ(limits, (std::vector<std::uint32_t>{30, 0}));
}

TEST_F(CheckerTest, LogsAUselessAnswerOfAnAgentOnce) {
  const auto checker = make_checker();
  const Target web = with_agent();
  checker->add(web, true);
  testing::internal::CaptureStderr();
  for (const char* const text :
       {"L7RSP unexpected answer: fine", "L7OK/up in 1ms", "L7RSP unexpected answer: fine",
        "L7RSP unexpected answer: well"}) {
    checker->start();
    const bool useless = std::string_view(text).starts_with("L7RSP");
    std::exchange(probes_.back()->done,
                  nullptr)({useless ? Verdict::kBad : Verdict::kGood, text,
                            useless ? AgentReport{} : parse_agent_line("up")});
    checker->stop();
  }
  const std::string log = testing::internal::GetCapturedStderr();
  const std::string line = "agent 10.0.0.1:9: L7RSP unexpected answer: fine; nothing changes\n";
  ASSERT_NE(log.find(line), std::string::npos) << log;
  EXPECT_EQ(log.find("unexpected", log.find(line) + line.size()), std::string::npos) << log;
  EXPECT_TRUE(checker->state(web.id).up);
}

TEST(UselessAnswers, AreLoggedWhenTheyDifferAndOnceAMinute) {
  using std::chrono::seconds;
  UselessAnswers answers;
  const std::chrono::steady_clock::time_point start{};
  EXPECT_TRUE(answers.is_news("a", start));
  EXPECT_FALSE(answers.is_news("a", start + seconds(1)));
  EXPECT_FALSE(answers.is_news("b", start + seconds(59)));
  EXPECT_FALSE(answers.is_news("a", start + seconds(90)));
  EXPECT_TRUE(answers.is_news("b", start + seconds(60)));
  EXPECT_FALSE(answers.is_news("c", start + seconds(119)));
}

}  // namespace
}  // namespace lb::health
