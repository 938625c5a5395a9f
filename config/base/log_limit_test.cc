#include "config/base/log_limit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

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

// A stranger with any number of addresses: neither memory nor the log grows with it, and other kinds
// do not suffer.
TEST_F(LogLimitTest, ManySourcesShareALimit) {
  std::size_t lines = 0;
  for (int i = 0; i < 100'000; ++i) {
    if (admit("bad", std::to_string(i)) != "-") ++lines;
  }
  EXPECT_EQ(lines, LogLimit::kMaxSources + 1);
  EXPECT_EQ(admit("bad", "0"), "-");
  EXPECT_EQ(admit("another kind", "0"), "0");
  now += seconds(60);
  EXPECT_EQ(admit("bad", "0"), "1");
  EXPECT_EQ(admit("bad", "1000"), "0") << "the others are forgotten";
}

TEST_F(LogLimitTest, ManyKindsShareALimit) {
  std::size_t lines = 0;
  for (int i = 0; i < 10'000; ++i) {
    if (admit(std::to_string(i), "a") != "-") ++lines;
  }
  EXPECT_EQ(lines, LogLimit::kMaxKinds + 1);
}

// Takes what goes to stderr, also from another thread.
class Captured {
 public:
  Captured() : before_(dup(STDERR_FILENO)) {
    EXPECT_EQ(pipe(ends_), 0);
    dup2(ends_[1], STDERR_FILENO);
  }
  ~Captured() {
    dup2(before_, STDERR_FILENO);
    for (const int fd : {ends_[0], ends_[1], before_}) close(fd);
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

  // Waits for a line.
  std::string line() {
    std::string text;
    for (char c = 0; read(ends_[0], &c, 1) == 1 && c != '\n';) text += c;
    return text.substr(text.find("port"));
  }

 private:
  int ends_[2] = {};
  const int before_;
};

// A link flaps: the log ends with the state that it has in the end.
class Flapping : public LogLimitTest {
 protected:
  // The thread's clock is the real one.
  void SetUp() override { now = LogLimit::Clock::now(); }
  void write(bool up, const std::string& port = "wan") {
    limit.write_at(now, up ? log::Level::kInfo : log::Level::kWarning, "link", port,
                   "port " + port + ": link is " + (up ? "up" : "down"));
  }
};

TEST_F(Flapping, TheLastStateIsWrittenWhenTheLimitAllowsIt) {
  limit = LogLimit(2);
  Captured captured;
  write(false);
  write(true);
  for (int i = 0; i < 7; ++i) write(i % 2 == 1);
  EXPECT_EQ(captured.line(), "port wan: link is down");
  EXPECT_EQ(captured.line(), "port wan: link is up");
  now += seconds(59);
  limit.report(now);
  now += seconds(1);
  write(true, "lan");
  EXPECT_EQ(captured.line(), "port lan: link is up");
  limit.report(now);
  EXPECT_EQ(captured.line(), "port wan: link is down (the last of 7 such lines held back)");
  // That was a line of the next period.
  write(true);
  write(false);
  EXPECT_EQ(captured.line(), "port wan: link is up");
  now += seconds(60);
  limit.report(now);
  EXPECT_EQ(captured.line(), "port wan: link is down (the last of 1 such line held back)");
}

TEST_F(Flapping, ANewerLineReplacesTheOneThatIsHeldBack) {
  Captured captured;
  write(false);
  write(true);
  now += seconds(60);
  write(false);
  limit.report(now + seconds(60));
  write(true, "end");
  EXPECT_EQ(captured.line(), "port wan: link is down");
  EXPECT_EQ(captured.line(), "port wan: link is down (1 such line left out before)");
  EXPECT_EQ(captured.line(), "port end: link is up");
}

TEST_F(Flapping, WhatIsForgottenIsNotWritten) {
  Captured captured;
  write(false);
  write(false);
  limit.forget("link", "wan");
  limit.forget("link", "another");
  limit.forget("another", "wan");
  limit.report(now + seconds(60));
  write(true, "end");
  EXPECT_EQ(captured.line(), "port wan: link is down");
  EXPECT_EQ(captured.line(), "port end: link is up");
}

TEST_F(Flapping, AThreadWritesInTime) {
  limit = LogLimit(1, std::chrono::milliseconds(20));
  LogLimit other(1, std::chrono::milliseconds(1));
  Captured captured;
  for (LogLimit* const each : {&limit, &other}) {
    // At one time: the period is not over for the second, however long this thread has to wait.
    now = LogLimit::Clock::now();
    each->write_at(now, log::Level::kInfo, "link", "wan", "port wan: up");
    each->write_at(now, log::Level::kInfo, "link", "wan", "port wan: down");
    EXPECT_EQ(captured.line(), "port wan: up");
    EXPECT_EQ(captured.line(), "port wan: down (the last of 1 such line held back)");
  }
}

// Objects end while a line of theirs is due.
TEST_F(Flapping, ThreadsShareAnObject) {
  for (int round = 0; round < 20; ++round) {
    testing::internal::CaptureStderr();
    LogLimit shared(1, std::chrono::milliseconds(1));
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&shared] {
        for (int line = 0; line < 50; ++line) {
          shared.write(log::Level::kInfo, "a", std::to_string(line % 3), "{}", line);
        }
      });
    }
    for (std::thread& each : threads) each.join();
    testing::internal::GetCapturedStderr();
  }
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
