#include "controlplane/os/state_dir.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace lb::controlplane {
namespace {

namespace fs = std::filesystem;

class StateDirTest : public testing::Test {
 protected:
  StateDirTest() { fs::create_directories(root_); }
  ~StateDirTest() override { fs::remove_all(root_); }

  const fs::path root_ =
      fs::temp_directory_path() / ("ballast-state-" + std::to_string(::getpid()));
};

TEST_F(StateDirTest, CreatesTheFolderForOwnerAndGroup) {
  const fs::path path = root_ / "var" / "ballast";
  ASSERT_TRUE(StateDir::open(path.string() + "/"));
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777 & ~0750U, 0U);
  EXPECT_EQ(status.st_mode & 0700, 0700U);
}

TEST_F(StateDirTest, KeepsExistingFiles) {
  std::ofstream(root_ / "file") << "kept";
  ASSERT_TRUE(StateDir::open(root_));
  EXPECT_TRUE(fs::exists(root_ / "file"));
}

TEST_F(StateDirTest, BelongsToOneProcessAtATime) {
  {
    const auto first = StateDir::open(root_);
    ASSERT_TRUE(first);
    const auto second = StateDir::open(root_);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("is used by another control plane"), std::string::npos);
  }
  EXPECT_TRUE(StateDir::open(root_));
}

TEST_F(StateDirTest, ReportsWhyItCannotBeCreated) {
  std::ofstream(root_ / "file") << "";
  const auto below = StateDir::open(root_ / "file" / "state");
  ASSERT_FALSE(below);
  EXPECT_EQ(below.error().message,
            "the state folder " + (root_ / "file" / "state").string() +
                " cannot be created: Not a directory; make the user of lb-controlplane its owner, "
                "or set another state_dir");
  EXPECT_FALSE(StateDir::open(root_ / "file"));
}

}  // namespace
}  // namespace lb::controlplane
