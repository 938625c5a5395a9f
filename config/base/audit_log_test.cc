#include "config/base/audit_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace lb {
namespace {

class AuditLogTest : public testing::Test {
 protected:
  AuditLogTest() : folder_("/tmp/lb-audit-XXXXXX") {
    folder_ = ::mkdtemp(folder_.data());
    path_ = folder_ + "/audit.log";
  }
  ~AuditLogTest() override { std::filesystem::remove_all(folder_); }

  // Without their times.
  static std::vector<std::string> lines(const Result<AuditLog>& audit, const std::string& path) {
    EXPECT_TRUE(audit->finish(std::chrono::seconds(20)));
    std::ifstream file(path);
    std::vector<std::string> out;
    for (std::string line; std::getline(file, line);)
      out.push_back(line.substr(line.find(' ') + 1));
    return out;
  }

  std::string folder_;
  std::string path_;
};

TEST_F(AuditLogTest, WritesALineForEachChange) {
  const mode_t before = ::umask(077);
  auto audit = AuditLog::open("lb-test", path_);
  ::umask(before);
  ASSERT_TRUE(audit) << audit.error().message;
  audit->write("by=lbcli uid=7", "commit \"a\"\nb\u202e\u009b\xff", "c\\d");
  audit->write("by=x user=\u202e\n", "reload", "ok");
  EXPECT_EQ(
      lines(audit, path_),
      (std::vector<std::string>{
          R"(lb-test: audit: by=lbcli uid=7 command="commit \"a\"\nb\u202e\u009b\xff" outcome="c\\d")",
          R"(lb-test: audit: by=x user=\u202e\n command="reload" outcome="ok")"}));
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0640u);
}

TEST_F(AuditLogTest, LimitsRefusals) {
  auto audit = AuditLog::open("lb-test", path_);
  ASSERT_TRUE(audit);
  const AuditLog::Clock::time_point start;
  for (int i = 0; i < 1'000; ++i) audit->write_refused("by=x", "flush conn --all", "no", start);
  audit->write("by=y", "reload", "ok");
  EXPECT_EQ(lines(audit, path_).size(), AuditLog::kMostRefusals + 1);
  audit->write_refused("by=x", "reload", "no", start + std::chrono::minutes(1));
  audit->write_refused("by=x", "reload", "no", start + std::chrono::minutes(3));
  const auto reported = lines(audit, path_);
  ASSERT_EQ(reported.size(), AuditLog::kMostRefusals + 4);
  EXPECT_EQ(reported[AuditLog::kMostRefusals + 1],
            R"(lb-test: audit: by=lb-test command="" outcome="980 more refusals were not logged")");
  EXPECT_EQ(reported.back(), R"(lb-test: audit: by=x command="reload" outcome="no")");
}

TEST_F(AuditLogTest, AppendsAndWritesTheTime) {
  std::ofstream(path_) << "old\n";
  auto audit = AuditLog::open("lb-test", path_);
  ASSERT_TRUE(audit);
  audit->write("by=timer", "x", "ok");
  EXPECT_EQ(lines(audit, path_).size(), 2u);
  std::ifstream file(path_);
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "old");
  std::getline(file, line);
  EXPECT_EQ(line.substr(10, 1), "T");
  EXPECT_EQ(line.substr(23, 2), "Z ");
}

TEST_F(AuditLogTest, RecreatesAFileThatWasMoved) {
  auto audit = AuditLog::open("lb-test", path_);
  ASSERT_TRUE(audit);
  audit->write("by=a", "one", "ok");
  ASSERT_TRUE(audit->finish(std::chrono::seconds(20)));
  std::filesystem::rename(path_, path_ + ".1");
  audit->write("by=a", "two", "ok");
  ASSERT_TRUE(audit->finish(std::chrono::seconds(20)));
  std::filesystem::remove(path_);
  audit->write("by=a", "three", "ok");
  EXPECT_EQ(lines(audit, path_ + ".1").size(), 1u);
  ASSERT_EQ(lines(audit, path_).size(), 1u);
  EXPECT_NE(lines(audit, path_)[0].find("three"), std::string::npos);
}

TEST_F(AuditLogTest, TruncatesALongValue) {
  auto audit = AuditLog::open("lb-test", path_);
  ASSERT_TRUE(audit);
  audit->write("by=a", std::string(100'000, 'x'), "ok");
  EXPECT_LT(lines(audit, path_).at(0).size(), 1200u);
  EXPECT_NE(lines(audit, path_)[0].find("x...\""), std::string::npos);
}

TEST_F(AuditLogTest, ReportsAFileThatCannotBeWritten) {
  EXPECT_NE(AuditLog::open("lb-test", folder_ + "/none/a").error().message.find("audit_file"),
            std::string::npos);
  EXPECT_FALSE(AuditLog::open("lb-test", folder_));
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_FALSE(AuditLog::open("lb-test", path_));
  EXPECT_TRUE(AuditLog::open("lb-test", ""));
}

}  // namespace
}  // namespace lb
