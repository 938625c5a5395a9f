#include "controlplane/cli/access.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace lb::cli {
namespace {

TEST(Access, NamesTheGroupsOfTheSockets) {
  std::string folder = "/tmp/lbcli-access-XXXXXX";
  folder = ::mkdtemp(folder.data());
  const std::string admin = folder + "/a.sock";
  const std::string reader = folder + "/a-read.sock";
  EXPECT_EQ(access_refused(folder, admin, reader),
            "permission denied: " + folder +
                " is for root and the members of admin_group and read_group (see [director] in the "
                "configuration)");
  std::ofstream(admin) << ' ';
  const std::string ours = ::getgrgid(::getegid())->gr_name;
  EXPECT_EQ(access_refused(folder, admin, reader), "permission denied: " + admin +
                                                       " is for root and the members of group " +
                                                       ours + "; become one");
  std::ofstream(reader) << ' ';
  EXPECT_EQ(access_refused(folder, admin, reader),
            "permission denied: " + admin + " is for root and the members of group " + ours + ", " +
                reader + " for those of " + ours + "; become one");
  EXPECT_TRUE(exists(admin));
  EXPECT_FALSE(denied(admin));
  EXPECT_FALSE(denied(folder + "/none"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace lb::cli
