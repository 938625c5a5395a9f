#include "controlplane/os/access_as.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace lb::controlplane {
namespace {

class AccessAs : public testing::Test {
 protected:
  AccessAs() {
    std::string pattern = "/tmp/ballast-access-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    ::chmod(folder_.c_str(), 0755);
    file_ = folder_ + "/file";
    std::ofstream(file_) << "x";
  }
  ~AccessAs() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  std::string file_;
};

TEST_F(AccessAs, AnswersForOurselvesWithoutTheRightToOverrideModes) {
  ::chmod(file_.c_str(), 0400);
  EXPECT_EQ(access_as({}, file_, Access::kRead), 0);
  EXPECT_EQ(access_as({}, file_, Access::kWrite), EACCES);
  EXPECT_EQ(access_as({}, file_, Access::kExecute), EACCES);
  EXPECT_EQ(access_as({}, folder_, Access::kWrite), 0);
  EXPECT_EQ(access_as({}, folder_ + "/none", Access::kRead), ENOENT);
  EXPECT_EQ(access_as({}, file_ + "/below", Access::kRead), ENOTDIR);
}

TEST_F(AccessAs, AnswersForAnotherUser) {
  const auto nobody = find_user("nobody");
  if (::geteuid() != 0 || !nobody) GTEST_SKIP() << "needs root and a user nobody";
  ::chmod(file_.c_str(), 0700);
  EXPECT_EQ(access_as(nobody, file_, Access::kExecute), EACCES);
  ::chmod(file_.c_str(), 0705);
  EXPECT_EQ(access_as(nobody, file_, Access::kExecute), 0);
  EXPECT_EQ(access_as(nobody, file_, Access::kWrite), EACCES);
  ::chmod(folder_.c_str(), 0700);
  EXPECT_EQ(access_as(nobody, file_, Access::kExecute), EACCES);
  ASSERT_EQ(::chown(file_.c_str(), nobody->id, nobody->group), 0);
  ::chmod(file_.c_str(), 0600);
  EXPECT_EQ(access_as({}, file_, Access::kRead), EACCES) << "root does not own it";
}

TEST(FindUser, KnowsWhoThereIs) {
  EXPECT_TRUE(find_user("root"));
  EXPECT_FALSE(find_user("no-such-user"));
  EXPECT_EQ(errno, 0);
}

TEST(FindUser, SaysWhenNobodyCanTell) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const rlimit none{};  // no descriptor
        ::setrlimit(RLIMIT_NOFILE, &none);
        const bool found = find_user("root").has_value();
        std::_Exit(!found && errno == EMFILE ? 7 : 1);
      },
      testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace lb::controlplane
