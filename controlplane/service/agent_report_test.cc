#include "controlplane/service/agent_report.h"

#include <gtest/gtest.h>

#include <string>

#include "config/model.h"

namespace lb::health {
namespace {

// "down, drain, 50%, maxconn 30", with "not" before what ends; "nothing".
std::string words_of(std::string_view line) {
  const auto report = parse_agent_line(line);
  if (!report) return "nothing";
  std::string out;
  const auto add = [&out](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  const auto flag = [&](const std::optional<bool>& value, const std::string& name) {
    if (value) add(*value ? name : "not " + name);
  };
  flag(report->down, "down");
  flag(report->drain, "drain");
  flag(report->maint, "maint");
  if (report->percent) add(std::to_string(*report->percent) + "%");
  if (report->max_connections) add("maxconn " + std::to_string(*report->max_connections));
  return out;
}

TEST(AgentReport, ReadsEveryWordInAnyCase) {
  for (const char* const word : {"down", "fail", "failed", "stopped", "Down", "FAIL", "sTopped"}) {
    EXPECT_EQ(words_of(word), "down") << word;
  }
  EXPECT_EQ(words_of("up"), "not down");
  EXPECT_EQ(words_of("UP"), "not down");
  EXPECT_EQ(words_of("ready"), "not drain, not maint");
  EXPECT_EQ(words_of("DRAIN"), "drain, not maint");
  EXPECT_EQ(words_of("Maint"), "not drain, maint");
  EXPECT_EQ(words_of("75%"), "75%");
  EXPECT_EQ(words_of("maxconn:30"), "maxconn 30");
  EXPECT_EQ(words_of("MaxConn:30"), "maxconn 30");
}

TEST(AgentReport, CombinesWords) {
  EXPECT_EQ(words_of(" drain,50% up # night"), "not down, drain, not maint, 50%");
  EXPECT_EQ(words_of("drain\tmaxconn:30"), "drain, not maint, maxconn 30");
  EXPECT_EQ(words_of(",, up ,\t\r"), "not down");
}

TEST(AgentReport, SkipsOtherWordsAndDescriptions) {
  EXPECT_EQ(words_of("down disk full"), "down");
  EXPECT_EQ(words_of("state: ready, load 0.75%, 100%"), "not drain, not maint, 100%");
  EXPECT_EQ(words_of("down # up again soon"), "down");
  EXPECT_EQ(words_of("down#up"), "down");
  EXPECT_EQ(words_of("50% -1% x% %"), "50%");
  EXPECT_EQ(words_of("maxconn:30 maxconn: maxconn:-1 maxconn:5x"), "maxconn 30");
}

TEST(AgentReport, TheLastWordOfEachKindCounts) {
  EXPECT_EQ(words_of("up down"), "down");
  EXPECT_EQ(words_of("down up"), "not down");
  EXPECT_EQ(words_of("drain maint"), "not drain, maint");
  EXPECT_EQ(words_of("maint drain ready"), "not drain, not maint");
  EXPECT_EQ(words_of("10% 20% maxconn:1 maxconn:2"), "20%, maxconn 2");
}

TEST(AgentReport, HasNothingWithoutAKnownWord) {
  for (const char* const line : {"", "#", " \t,", "fine", "# down", "-1%", "%", "75", "75 %",
                                 "7.5%", "+5%", "maxconn:", "maxconn: 30", "upp", "down."}) {
    EXPECT_EQ(words_of(line), "nothing") << line;
  }
}

TEST(AgentReport, LimitsNumbers) {
  EXPECT_EQ(words_of("150%"), "150%");
  EXPECT_EQ(words_of("0%"), "0%");
  EXPECT_EQ(words_of("6553501%"), "6553500%");
  EXPECT_EQ(words_of("99999999999999999999%"), "6553500%");
  EXPECT_EQ(words_of("maxconn:99999999999999999999"),
            "maxconn " + std::to_string(config::kMaxConnections));
  EXPECT_EQ(words_of("maxconn:0"), "maxconn 0");
}

TEST(AgentReport, KeepsWhatALineOmits) {
  AgentState state;
  state.apply(*parse_agent_line("50% maxconn:30"));
  state.apply(*parse_agent_line("maint"));
  EXPECT_EQ(state.percent, 50u);
  EXPECT_EQ(state.max_connections, 30u);
  EXPECT_TRUE(state.out());
  state.apply(*parse_agent_line("drain"));
  EXPECT_FALSE(state.out());
  EXPECT_TRUE(state.drain);
  state.apply(*parse_agent_line("ready maxconn:0"));
  EXPECT_FALSE(state.drain);
  EXPECT_EQ(state.max_connections, 0u);
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

TEST(AgentReport, ScalesTheWeightBeyondTheConfiguredOne) {
  AgentState state;
  state.apply(*parse_agent_line("150%"));
  EXPECT_EQ(state.weight(10), 15);
  EXPECT_EQ(state.weight(1), 2);
  EXPECT_EQ(state.weight(60'000), config::kMaxWeight);
  state.apply(*parse_agent_line("99999999999999999999%"));
  EXPECT_EQ(state.weight(1), config::kMaxWeight);
  EXPECT_EQ(state.weight(config::kMaxWeight), config::kMaxWeight);
  EXPECT_EQ(state.weight(0), 0);
}

}  // namespace
}  // namespace lb::health
