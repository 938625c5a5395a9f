#include "dataplane/lcore/kernel_groups.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace lb {
namespace {

TEST(KernelGroups, AreThoseOfEachInterface) {
  std::string file = (std::filesystem::temp_directory_path() / "lb-groups-XXXXXX").string();
  ::close(::mkstemp(file.data()));
  std::ofstream(file) << "2    wan             1     0     01005e000012\n"
                         "2    wan             1     0     33330000000a\n"
                         "3    lan             1     0     01005e000001\n"
                         "4    tun             1     0     00000000\n"
                         "5    odd             1     0     zz005e000001\n";
  const GroupsByInterface groups = read_kernel_groups(file);
  std::filesystem::remove(file);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups.at("wan"), (std::set<std::array<std::uint8_t, 6>>{{0x01, 0x00, 0x5e, 0, 0, 0x12},
                                                                     {0x33, 0x33, 0, 0, 0, 0x0a}}));
  EXPECT_EQ(groups.at("lan").size(), 1U);
  EXPECT_TRUE(read_kernel_groups(file).empty());
}

}  // namespace
}  // namespace lb
