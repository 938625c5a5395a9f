#include "config/base/nearest.h"

#include <gtest/gtest.h>

#include <array>
#include <span>
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

TEST(Nearest, ExplainsUnknownNames) {
  EXPECT_EQ(unknown_name("key", "prot", kWords), "unknown key prot; did you mean port?");
  EXPECT_EQ(unknown_name("key", "weight", kWords),
            "unknown key weight; use one of scheduler, address, mode, port, name");
  EXPECT_EQ(unknown_name("key", "weight", std::span(kWords).first(1)),
            "unknown key weight; use scheduler");
  EXPECT_EQ(unknown_name("key", "weight", kWords, "see the page"),
            "unknown key weight; see the page");
  EXPECT_EQ(unknown_real_server("web", "10.0.0.9"),
            "service web has no real server 10.0.0.9; see lbcli show rs");
  EXPECT_EQ(unknown_real_server("", "10.0.0.9"),
            "no service has a real server 10.0.0.9; see lbcli show rs");
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
