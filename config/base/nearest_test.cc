#include "config/base/nearest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace lb {
namespace {

constexpr std::array<std::string_view, 5> kWords = {"scheduler", "address", "mode", "port", "name"};

TEST(Nearest, CountsEdits) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "mode"), 4u);
  EXPECT_EQ(edit_distance("mode", "mode"), 0u);
  EXPECT_EQ(edit_distance("Mode", "mode"), 0u);
  EXPECT_EQ(edit_distance("run-dir", "run_dir"), 0u);
  EXPECT_EQ(edit_distance("adress", "address"), 1u);
  EXPECT_EQ(edit_distance("mdoe", "mode"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Nearest, GuessesOnlyWhatIsNear) {
  EXPECT_EQ(nearest("shceduler", kWords), "scheduler");
  EXPECT_EQ(nearest("adresses", kWords), "address");
  EXPECT_EQ(nearest("prot", kWords), "port");
  EXPECT_EQ(nearest("weight", kWords), "");
  EXPECT_EQ(nearest("", kWords), "");
  EXPECT_EQ(nearest(std::string(100'000, 'a'), kWords), "");
  EXPECT_EQ(nearest("mode", {}), "");
}

}  // namespace
}  // namespace lb
