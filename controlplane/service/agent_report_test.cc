#include "controlplane/service/agent_report.h"

#include <gtest/gtest.h>

namespace lb::health {
namespace {

TEST(AgentReport, ParsesAnyCombination) {
  EXPECT_EQ(parse_agent_line("75%")->percent, 75);
  const auto both = parse_agent_line(" drain,50% up # night");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->percent, 50);
  EXPECT_EQ(both->drain, true);
  EXPECT_EQ(both->down, false);
  EXPECT_EQ(parse_agent_line("failed")->down, true);
  for (const char* wrong : {"", "#", "101%", "-1%", "%", "fine", "up fine"}) {
    EXPECT_FALSE(parse_agent_line(wrong)) << wrong;
  }
}

TEST(AgentReport, KeepsWhatALineOmits) {
  AgentState state;
  state.apply(*parse_agent_line("50%"));
  state.apply(*parse_agent_line("maint"));
  EXPECT_EQ(state.percent, 50);
  EXPECT_TRUE(state.out());
  state.apply(*parse_agent_line("ready"));
  EXPECT_FALSE(state.out());
}

TEST(AgentReport, ScalesTheWeightAndNeverRoundsItToZero) {
  AgentState state;
  EXPECT_EQ(state.weight(7), 7);
  state.apply(*parse_agent_line("50%"));
  EXPECT_EQ(state.weight(10), 5);
  EXPECT_EQ(state.weight(1), 1);
  EXPECT_EQ(state.weight(0), 0);
  state.apply(*parse_agent_line("0%"));
  EXPECT_EQ(state.weight(10), 0);
  state.apply(*parse_agent_line("100% drain"));
  EXPECT_EQ(state.weight(10), 0);
}

}  // namespace
}  // namespace lb::health
