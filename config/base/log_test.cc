#include "config/base/log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace lb {
namespace {

class LogTest : public testing::Test {
 protected:
  void TearDown() override {
    unsetenv("JOURNAL_STREAM");
    log::init("", log::Level::kInfo);
  }
};

TEST_F(LogTest, names_level_and_program_and_drops_what_is_below_the_level) {
  testing::internal::CaptureStderr();
  log::init("lb-test", log::Level::kInfo);
  log::debug("not {}", "shown");
  log::info("port {} is {}", "wan", "up");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("shown"), std::string::npos);
  EXPECT_NE(text.find(" info lb-test: port wan is up\n"), std::string::npos) << text;
}

TEST_F(LogTest, one_message_is_one_line) {
  testing::internal::CaptureStderr();
  log::init("lb-test", log::Level::kDebug);
  log::write(log::Level::kError, "a\nb\x1b[31mc {}");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find(" error lb-test: a?b?[31mc {}\n"), std::string::npos) << text;
}

TEST_F(LogTest, writes_priorities_when_stderr_is_the_journal) {
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

TEST_F(LogTest, an_inherited_journal_stream_does_not_count) {
  testing::internal::CaptureStderr();
  setenv("JOURNAL_STREAM", "1:1", 1);
  log::init("lb-test", log::Level::kInfo);
  log::info("here");
  EXPECT_NE(testing::internal::GetCapturedStderr().find(" info lb-test: here\n"),
            std::string::npos);
}

}  // namespace
}  // namespace lb
