// Every testdata/NAME.in against its NAME.ok: the exact mistakes, or the canonical form, which must
// read back as the same configuration. With LB_UPDATE_OK=1 the .ok files are written instead; read
// the difference before it is committed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/load.h"

namespace lb::config {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(LB_TESTDATA)) {
    if (entry.path().extension() == ".in") out.push_back(entry.path().stem().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class Testdata : public testing::TestWithParam<std::string> {};

TEST_P(Testdata, MatchesExpectedOutput) {
  const Machine machine{{0, 1, 2, 3, 4, 5, 6, 7}};
  const fs::path base = fs::path(LB_TESTDATA) / GetParam();
  const Loaded loaded = load_text(read(base.string() + ".in"), GetParam() + ".in", machine);
  std::string result = format_mistakes(loaded.file_name, loaded.mistakes);
  if (loaded.mistakes.empty()) {
    result = print(loaded.config);
    const Loaded again = load_text(result, "printed", machine);
    EXPECT_EQ(format_mistakes("printed", again.mistakes), "");
    EXPECT_EQ(again.config, loaded.config);
  }
  if (std::getenv("LB_UPDATE_OK") != nullptr) {
    std::ofstream(base.string() + ".ok", std::ios::binary) << result;
  } else {
    EXPECT_EQ(result, read(base.string() + ".ok"));
  }
}

INSTANTIATE_TEST_SUITE_P(Config, Testdata, testing::ValuesIn(names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace lb::config
