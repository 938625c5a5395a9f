#include "config/base/log_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace lb {
namespace {

using std::chrono::seconds;

class LogLimitTest : public testing::Test {
 protected:
  // "-" when the line is left out, else the number of those that were.
  std::string admit(std::string_view kind, std::string_view source) {
    const auto left_out = limit.admit(kind, source, now);
    return left_out ? std::to_string(*left_out) : "-";
  }

  LogLimit limit;
  LogLimit::Clock::time_point now{};
};

TEST_F(LogLimitTest, OneLineAMinuteAndTheNumberOfTheOthers) {
  EXPECT_EQ(admit("bad", "a"), "0");
  for (int i = 0; i < 59; ++i) {
    now += seconds(1);
    EXPECT_EQ(admit("bad", "a"), "-");
  }
  now += seconds(1);
  EXPECT_EQ(admit("bad", "a"), "59");
  EXPECT_EQ(admit("bad", "a"), "-");
  now += seconds(60);
  EXPECT_EQ(admit("bad", "a"), "1");
}

TEST_F(LogLimitTest, KindsAndSourcesAreApart) {
  EXPECT_EQ(admit("bad", "a"), "0");
  EXPECT_EQ(admit("bad", "b"), "0");
  EXPECT_EQ(admit("worse", "a"), "0");
  EXPECT_EQ(admit("bad", "a"), "-");
  EXPECT_EQ(admit("bada", ""), "0");
}

TEST_F(LogLimitTest, AllowsMoreLinesIfAsked) {
  limit = LogLimit(3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(admit("up", "a"), "0");
  EXPECT_EQ(admit("up", "a"), "-");
  now += seconds(60);
  EXPECT_EQ(admit("up", "a"), "1");
}

// A stranger with any number of addresses: neither memory nor the log grows with it.
TEST_F(LogLimitTest, ManySourcesShareALimit) {
  std::size_t lines = 0;
  for (int i = 0; i < 100'000; ++i) {
    if (admit("bad", std::to_string(i)) != "-") ++lines;
  }
  EXPECT_EQ(lines, LogLimit::kMaxSources + 1);
  EXPECT_EQ(admit("bad", "0"), "-");
  EXPECT_EQ(admit("another kind", "0"), "-");
  now += seconds(60);
  EXPECT_EQ(admit("bad", "0"), "1");
  EXPECT_EQ(admit("another kind", "0"), "0") << "the others are forgotten";
}

TEST_F(LogLimitTest, SaysHowManyWereLeftOut) {
  testing::internal::CaptureStderr();
  limit.write(log::Level::kWarning, "bad", "a", "{} is bad", "a");
  limit.write(log::Level::kWarning, "bad", "a", "{} is bad", "a");
  LogLimit::write(log::Level::kWarning, "a is bad", 1);
  LogLimit::write(log::Level::kWarning, "a is bad", 7);
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
  EXPECT_NE(text.find("a is bad\n"), std::string::npos);
  EXPECT_NE(text.find("a is bad (1 such line left out before)\n"), std::string::npos);
  EXPECT_NE(text.find("a is bad (7 such lines left out before)\n"), std::string::npos);
}

}  // namespace
}  // namespace lb
