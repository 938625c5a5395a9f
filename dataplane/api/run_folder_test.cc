#include "dataplane/api/run_folder.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace lb::api {
namespace {

class RunFolderTest : public testing::Test {
 protected:
  RunFolderTest() : base_("/tmp/lb-run-folder-XXXXXX") {
    base_ = ::mkdtemp(base_.data());
    path_ = base_ + "/a/run";
  }
  ~RunFolderTest() override { std::filesystem::remove_all(base_); }

  unsigned mode() const {
    struct stat status {};
    EXPECT_EQ(::stat(path_.c_str(), &status), 0);
    return status.st_mode & 07777u;
  }
  bool has_list() const {
    return ::getxattr(path_.c_str(), "system.posix_acl_access", nullptr, 0) > 0;
  }
  static std::string own_group() { return ::getgrgid(::getegid())->gr_name; }

  std::string base_;
  std::string path_;
};

TEST_F(RunFolderTest, IsPrivateWithoutGroups) {
  ASSERT_TRUE(prepare_run_folder(path_, {}));
  EXPECT_EQ(mode(), 0700u);
  EXPECT_FALSE(has_list());
}

TEST_F(RunFolderTest, AdmitsGroupsAndNobodyElse) {
  ASSERT_TRUE(prepare_run_folder(path_, {own_group(), own_group()}));
  if (!has_list()) GTEST_SKIP() << "this file system has no access lists";
  EXPECT_EQ(mode() & 07u, 0u);
  ASSERT_TRUE(prepare_run_folder(path_, {}));
  EXPECT_FALSE(has_list());
  EXPECT_EQ(mode(), 0700u);
}

TEST_F(RunFolderTest, SetsTheRightsOfAnExistingFolder) {
  std::filesystem::create_directories(path_);
  ::chmod(path_.c_str(), 0755);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (path_ + "/a.sock").copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ::close(fd);
  ASSERT_TRUE(prepare_run_folder(path_, {}));
  EXPECT_EQ(mode(), 0700u);
}

TEST_F(RunFolderTest, LeavesTheRightsOfForeignFolders) {
  std::filesystem::create_directories(path_);
  std::ofstream(path_ + "/file") << "x";
  ::chmod(path_.c_str(), 0755);
  ASSERT_TRUE(prepare_run_folder(path_, {}));
  EXPECT_EQ(mode(), 0755u);
  std::filesystem::remove(path_ + "/file");
  ::chmod(path_.c_str(), 01777);
  ASSERT_TRUE(prepare_run_folder(path_, {}));
  EXPECT_EQ(mode(), 01777u);
}

TEST_F(RunFolderTest, FailsWithoutTheGroup) {
  const auto result = prepare_run_folder(path_, {"no-such-group"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "there is no group no-such-group on this machine; make it with groupadd --system "
            "no-such-group");
}

}  // namespace
}  // namespace lb::api
