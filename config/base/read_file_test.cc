#include "config/base/read_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace lb {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLimit = 1000;

class ReadFile : public testing::Test {
 protected:
  ReadFile() { fs::create_directories(folder_); }
  ~ReadFile() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ / name; }
  static std::string error_of(const std::string& path) {
    const auto read = read_regular_file(path, kLimit);
    const auto checked = check_regular_file(path, kLimit);
    EXPECT_FALSE(read);
    EXPECT_FALSE(checked);
    if (read || checked) return "";
    EXPECT_EQ(checked.error().message, read.error().message);
    return read.error().message;
  }

 private:
  const fs::path folder_ = fs::temp_directory_path() / ("read-file-" + std::to_string(::getpid()));
};

TEST_F(ReadFile, ReadsUpToTheLimit) {
  std::ofstream(path("most")) << std::string(kLimit, 'x');
  std::ofstream(path("none"));
  EXPECT_EQ(read_regular_file(path("most"), kLimit).value(), std::string(kLimit, 'x'));
  EXPECT_EQ(read_regular_file(path("none"), kLimit).value(), "");
  EXPECT_TRUE(check_regular_file(path("most"), kLimit));
  std::ofstream(path("more")) << std::string(kLimit + 1, 'x');
  EXPECT_EQ(error_of(path("more")), "is larger than 1000 bytes");
}

TEST_F(ReadFile, RefusesWhatIsNoRegularFile) {
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(error_of(path("fifo")), "is a FIFO and not a regular file");
  EXPECT_EQ(error_of(path("")), "is a folder and not a regular file");
  EXPECT_EQ(error_of("/dev/zero"), "is a device and not a regular file");
  EXPECT_EQ(error_of(path("absent")), "cannot be opened: No such file or directory");
}

// Most files in /proc are of size 0 until they are read.
TEST_F(ReadFile, LimitsAFileThatGrowsWhileItIsRead) {
  const auto read = read_regular_file("/proc/self/maps", 10);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message, "is larger than 10 bytes");
}

TEST_F(ReadFile, TakesNoMemoryForALargeSparseFile) {
  std::ofstream(path("sparse"));
  fs::resize_file(path("sparse"), std::uintmax_t{1} << 30);
  EXPECT_EQ(read_regular_file(path("sparse"), std::size_t{16} << 20).error().message,
            "is larger than 16 MiB");
}

TEST_F(ReadFile, ReadsOwnFilesThatNobodyElseMayWrite) {
  const std::string own = path("own");
  std::ofstream(own) << "text";
  EXPECT_EQ(read_own_file(own, kLimit).value(), "text");
  fs::create_symlink(own, path("link"));
  EXPECT_EQ(read_own_file(path("link"), kLimit).error().message, "is a symbolic link; remove it");
  fs::create_symlink("/nowhere", path("dangling"));
  EXPECT_EQ(read_own_file(path("dangling"), kLimit).error().message,
            "is a symbolic link; remove it");
  ASSERT_EQ(::chmod(own.c_str(), 0646), 0);
  EXPECT_EQ(read_own_file(own, kLimit).error().message,
            "is writable by everybody, who could have written anything; remove it");
  ASSERT_EQ(::chmod(own.c_str(), 0640), 0);
  EXPECT_EQ(read_own_file(own, 3).error().message, "is larger than 3 bytes");
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(read_own_file(path("fifo"), kLimit).error().message,
            "is a FIFO and not a regular file");
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make files of others";
  ASSERT_EQ(::chown(own.c_str(), 12'345, 0), 0);
  EXPECT_EQ(read_own_file(own, kLimit).error().message,
            "belongs to user 12345, who could have written anything; remove it");
  // Its folder's owner could replace it anyway.
  ASSERT_EQ(::chown(fs::path(own).parent_path().c_str(), 12'345, 0), 0);
  EXPECT_EQ(read_own_file(own, kLimit).value(), "text");
}

}  // namespace
}  // namespace lb
