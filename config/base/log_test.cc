#include "config/base/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace lb {
namespace {

class LogTest : public testing::Test {
 protected:
  void TearDown() override {
    unsetenv("JOURNAL_STREAM");
    log::init("", log::Level::kInfo);
  }
};

TEST_F(LogTest, NamesLevelAndProgramAndDropsWhatIsBelowTheLevel) {
  testing::internal::CaptureStderr();
  log::init("lb-test", log::Level::kInfo);
  log::debug("not {}", "shown");
  log::info("port {} is {}", "wan", "up");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("shown"), std::string::npos);
  EXPECT_NE(text.find(" info lb-test: port wan is up\n"), std::string::npos) << text;
}

TEST_F(LogTest, WritesOneLinePerMessage) {
  testing::internal::CaptureStderr();
  log::init("lb-test", log::Level::kDebug);
  log::write(log::Level::kError, "a\nb\x1b[31mc {}\t\u009b\u202e\u2028\xff");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find(" error lb-test: a\\nb\\x1b[31mc {}\t\\u009b\\u202e\\u2028\\xff\n"),
            std::string::npos)
      << text;
}

TEST_F(LogTest, WritesPrioritiesWhenStderrIsTheJournal) {
  testing::internal::CaptureStderr();
  struct stat status = {};
  ASSERT_EQ(fstat(STDERR_FILENO, &status), 0);
  setenv("JOURNAL_STREAM", fmt::format("{}:{}", status.st_dev, status.st_ino).c_str(), 1);
  log::init("lb-test", log::Level::kDebug);
  log::debug("one");
  log::info("two");
  log::warning("three");
  log::error("four");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "<7>one\n<6>two\n<4>three\n<3>four\n");
}

TEST_F(LogTest, IgnoresAnInheritedJournalStream) {
  testing::internal::CaptureStderr();
  setenv("JOURNAL_STREAM", "1:1", 1);
  log::init("lb-test", log::Level::kInfo);
  log::info("here");
  EXPECT_NE(testing::internal::GetCapturedStderr().find(" info lb-test: here\n"),
            std::string::npos);
}

// No reader: logging continues anyway, and the number of lost lines is logged afterwards.
TEST_F(LogTest, NeverWaitsForAReader) {
  int ends[2] = {};
  ASSERT_EQ(pipe(ends), 0);
  const int before = dup(STDERR_FILENO);
  dup2(ends[1], STDERR_FILENO);
  close(ends[1]);
  log::init("lb-test", log::Level::kInfo, log::Delivery::kBackground);
  for (int i = 0; i < 40'000; ++i) log::info("line {} of many, each as long as a usual one is", i);
  std::string text;
  std::atomic<bool> reported = false;
  std::thread reader([&text, &reported, from = ends[0]] {
    char part[4096];
    for (ssize_t got = 0; (got = read(from, part, sizeof part)) > 0;) {
      text.append(part, static_cast<std::size_t>(got));
      reported =
          reported || std::string_view(part, static_cast<std::size_t>(got)).find("dropped") !=
                          std::string_view::npos;
    }
  });
  // The first line that finds room again says it.
  for (int i = 0; i < 20'000 && !reported; ++i) {
    log::info("another");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  log::init("", log::Level::kInfo);  // what waits is written first
  dup2(before, STDERR_FILENO);
  close(before);
  reader.join();
  close(ends[0]);
  EXPECT_NE(text.find(" warning lb-test: "), std::string::npos);
  EXPECT_NE(text.find(" log lines were dropped: stderr was not read in time\n"), std::string::npos);
  EXPECT_NE(text.find("line 0 of many"), std::string::npos);
  EXPECT_TRUE(text.ends_with("another\n"));
}

// The reader has gone, or stopped reading: neither logging nor the end waits for it.
class LogWithoutReader : public LogTest {
 protected:
  void SetUp() override {
    previous_ = std::signal(SIGPIPE, SIG_IGN);
    ASSERT_EQ(pipe(ends_), 0);
    before_ = dup(STDERR_FILENO);
    dup2(ends_[1], STDERR_FILENO);
  }
  void TearDown() override {
    dup2(before_, STDERR_FILENO);
    for (const int fd : {ends_[0], ends_[1], before_}) close(fd);
    std::signal(SIGPIPE, previous_);
    LogTest::TearDown();
  }
  static void log_many() {
    for (int i = 0; i < 4'000; ++i) log::info("line {} of many, each as long as a usual one", i);
  }

  int ends_[2] = {};
  int before_ = -1;
  void (*previous_)(int) = SIG_DFL;
};

TEST_F(LogWithoutReader, SurvivesAClosedPipe) {
  log::init("lb-test", log::Level::kInfo, log::Delivery::kBackground);
  close(std::exchange(ends_[0], -1));
  log_many();
  log::init("", log::Level::kInfo);
}

TEST_F(LogWithoutReader, DoesNotWaitAtTheEndForAFullPipe) {
  log::init("lb-test", log::Level::kInfo, log::Delivery::kBackground);
  log_many();  // more than a pipe holds
  log::finish(std::chrono::milliseconds(50));
  log::init("", log::Level::kInfo);
}

// A terminal whose output is stopped takes no byte, and one that nobody reads only a few lines.
TEST_F(LogWithoutReader, DoesNotWaitAtTheEndForATerminal) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(grantpt(terminal), 0);
  ASSERT_EQ(unlockpt(terminal), 0);
  const int shown = open(ptsname(terminal), O_RDWR | O_NOCTTY);
  ASSERT_GE(shown, 0);
  dup2(shown, STDERR_FILENO);
  log::init("lb-test", log::Level::kInfo, log::Delivery::kBackground);
  log_many();
  log::finish(std::chrono::milliseconds(50));
  log::init("", log::Level::kInfo);
  EXPECT_EQ(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
  close(shown);
  close(terminal);
}

// It may not be opened once more, so the thread that writes hangs in its write.
TEST_F(LogWithoutReader, DoesNotWaitAtTheEndForAPipeOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        if (setuid(65'534) != 0) _exit(1);
        log::init("lb-test", log::Level::kInfo, log::Delivery::kBackground);
        log_many();
        std::exit(7);
      },
      testing::ExitedWithCode(7), "");
}

TEST_F(LogWithoutReader, TheOtherUsersOfThePipeKeepTheirMode) {
  log::init("lb-test", log::Level::kInfo, log::Delivery::kBackground);
  log::info("here");
  log::finish(std::chrono::seconds(20));
  EXPECT_EQ(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
  char text[200] = {};
  EXPECT_GT(read(ends_[0], text, sizeof text - 1), 0);
  EXPECT_NE(std::string_view(text).find("here\n"), std::string_view::npos);
}

}  // namespace
}  // namespace lb
