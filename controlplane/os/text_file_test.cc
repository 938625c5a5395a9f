#include "controlplane/os/text_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace lb::controlplane {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kOurs = 60'123;
constexpr uid_t kTheirs = 60'124;

// A folder of ours, as a daemon that is not root's.
class TextFile : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    folder_ = ::mkdtemp(folder_.data());
    ASSERT_EQ(::chown(folder_.c_str(), kOurs, kOurs), 0);
    path_ = folder_ + "/ballast.toml";
    std::ofstream(path_) << "old";
    ASSERT_EQ(::seteuid(kOurs), 0);  // which takes the capabilities away
  }
  void TearDown() override {
    ASSERT_EQ(::seteuid(0), 0);
    fs::remove_all(folder_);
  }
  void own(const std::string& path, uid_t user) {
    ASSERT_EQ(::seteuid(0), 0);
    ASSERT_EQ(::chown(path.c_str(), user, user), 0);
    ASSERT_EQ(::seteuid(kOurs), 0);
  }
  std::string why_not() {
    const auto able = can_write_text(path_);
    return able ? "" : able.error().message;
  }

  std::string folder_ = "/tmp/lb-text-file-XXXXXX";
  std::string path_;
};

TEST_F(TextFile, SaysBeforehandWhetherItCanBeReplaced) {
  own(path_, kOurs);
  EXPECT_EQ(why_not(), "");
  EXPECT_TRUE(write_text(path_, "new"));
  own(path_, kTheirs);
  EXPECT_EQ(why_not(), path_ +
                           " cannot be replaced: it belongs to user 60124, and lb-controlplane "
                           "could not give it back; chown it to user 60123, or give "
                           "lb-controlplane CAP_CHOWN");
  own(folder_, kTheirs);
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  ASSERT_EQ(::seteuid(kOurs), 0);
  EXPECT_EQ(why_not(), path_ +
                           " cannot be replaced: lb-controlplane (user 60123) may not write to its "
                           "folder: Permission denied");
  path_ = "/tmp/absent-" + std::to_string(::getpid());
  EXPECT_EQ(why_not(), "") << "a new file in a folder for everybody";
}

TEST_F(TextFile, KeepsTheOwnerWithTheRightTo) {
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_EQ(::chown(path_.c_str(), kTheirs, kTheirs), 0);
  EXPECT_EQ(why_not(), "");
  ASSERT_TRUE(write_text(path_, "new"));
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, kTheirs);
}

}  // namespace
}  // namespace lb::controlplane
