// The page for those who write scripts says what the code says. With LB_UPDATE_OK=1 it is written
// instead; read the difference before it is committed.
#include "controlplane/view/reference.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace lb::view {
namespace {

std::string read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Reference, MatchesTheFieldTables) {
  const Reference reference = make_reference();
  EXPECT_EQ(reference.mistakes, std::vector<std::string>{});
  if (std::getenv("LB_UPDATE_OK") != nullptr) {
    std::ofstream(LB_FIELDS, std::ios::binary) << reference.page;
  } else {
    EXPECT_TRUE(reference.page == read(LB_FIELDS))
        << LB_FIELDS << " is out of date; write it again with LB_UPDATE_OK=1 "
        << "build/controlplane/view/view_test";
  }
}

}  // namespace
}  // namespace lb::view
