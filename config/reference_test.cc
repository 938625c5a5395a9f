// The page for operators says what the code says. With LB_UPDATE_OK=1 it is written instead; read
// the difference before it is committed.
#include "config/reference.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace lb::config {
namespace {

std::string read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Reference, MatchesCodeAndExample) {
  const Reference reference = make_reference(read(LB_EXAMPLE));
  EXPECT_EQ(reference.mistakes, std::vector<std::string>{});
  if (std::getenv("LB_UPDATE_OK") != nullptr) {
    std::ofstream(LB_REFERENCE, std::ios::binary) << reference.page;
  } else {
    EXPECT_TRUE(reference.page == read(LB_REFERENCE))
        << LB_REFERENCE
        << " is out of date; write it anew with LB_UPDATE_OK=1 build/config/config_test";
  }
}

TEST(Reference, ReportsMissingComments) {
  const Reference reference = make_reference(
      "[director]\n"
      "# Its name.\nname = \"lb1\"\n\n"
      "# Where sockets are. Default: \"/run\".\nrun_dir = \"/run/ballast\"\n");
  const auto has = [&](const char* mistake) {
    return std::find(reference.mistakes.begin(), reference.mistakes.end(), mistake) !=
           reference.mistakes.end();
  };
  EXPECT_TRUE(has("director name is required; its comment does not say so"));
  EXPECT_TRUE(has("director run_dir has the default \"/run/ballast\""));
  EXPECT_TRUE(has("director state_dir has no comment"));
}

}  // namespace
}  // namespace lb::config
