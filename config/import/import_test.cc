// Every folder testdata/FORMAT/NAME: its file `arguments` has what follows `lbcli import FORMAT`, one
// per line (files, --ports, --device, --address); `ok` what comes of it: notes, differences, what is to be filled
// in, and each configuration. With LB_UPDATE_OK=1 the `ok` files and the tables of docs/migration are
// written instead; read the difference before it is committed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/import/importer.h"
#include "config/import/options.h"

namespace lb::importer {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool update() {
  return std::getenv("LB_UPDATE_OK") != nullptr;
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(LB_IMPORT_TESTDATA)) {
    if (entry.path().filename() != "arguments") continue;
    out.push_back(fs::relative(entry.path().parent_path(), LB_IMPORT_TESTDATA).string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string shown(const Import& import) {
  std::string text;
  for (const Imported& director : import.directors) {
    text += "==== " + director.name + '\n';
    for (const Note& note : director.notes) text += note.to_string() + '\n';
    for (const std::string& what : director.to_fill_in) text += "to fill in: " + what + '\n';
    text += "----\n" + director.text;
  }
  for (const Note& note : import.differences) text += "difference: " + note.to_string() + '\n';
  return text;
}

class ImportTestdata : public testing::TestWithParam<std::string> {};

TEST_P(ImportTestdata, MatchesExpectedOutput) {
  const fs::path folder = fs::path(LB_IMPORT_TESTDATA) / GetParam();
  const auto format = from_name<Format>(GetParam().substr(0, GetParam().find('/')));
  ASSERT_TRUE(format);
  Options options;
  options.read = [&](const std::string& path) -> Result<std::string> {
    if (!fs::is_regular_file(folder / path)) return fail(path + ": no such file");
    return read(folder / path);
  };
  options.glob = [&](const std::string& pattern) {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const std::string path = fs::relative(entry.path(), folder).string();
      if (matches_pattern(path, pattern)) found.push_back(path);
    }
    std::sort(found.begin(), found.end());
    return found;
  };
  std::vector<File> files;
  std::istringstream arguments(read(folder / "arguments"));
  for (std::string line; std::getline(arguments, line);) {
    if (line.starts_with("--")) {
      const std::size_t space = line.find(' ');
      const auto taken = add_option(options, line.substr(2, space - 2), line.substr(space + 1));
      ASSERT_TRUE(taken) << taken.error().message;
    } else {
      files.push_back({line, read(folder / line)});
    }
  }
  const auto import = import_files(*format, files, options);
  const std::string result = import ? shown(*import) : "error: " + import.error().message + '\n';
  if (update()) {
    std::ofstream(folder / "ok", std::ios::binary) << result;
  } else {
    EXPECT_EQ(result, read(folder / "ok"));
  }
}

INSTANTIATE_TEST_SUITE_P(Import, ImportTestdata, testing::ValuesIn(names()), [](const auto& test) {
  std::string name = test.param;
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

constexpr std::string_view kBegin = "<!-- keywords: written by import_test -->\n";
constexpr std::string_view kEnd = "<!-- end of keywords -->\n";

TEST(Import, PagesHaveTheKeywordsOfTheImporters) {
  for (const auto& [name, format] : kEnumNames<Format>) {
    const fs::path path = fs::path(LB_MIGRATION_PAGES) / migration_page(format);
    const std::string page = read(path);
    const std::size_t begin = page.find(kBegin);
    const std::size_t end = page.find(kEnd);
    ASSERT_TRUE(begin != std::string::npos && end != std::string::npos && begin < end) << path;
    const std::string expected = page.substr(0, begin + kBegin.size()) +
                                 keyword_reference(keywords_of(format)) + '\n' + page.substr(end);
    if (update()) {
      std::ofstream(path, std::ios::binary) << expected;
    } else {
      EXPECT_EQ(page, expected);
    }
  }
}

TEST(Import, EveryKeywordSaysWhatBecomesOfIt) {
  for (const auto& [name, format] : kEnumNames<Format>) {
    for (const Keyword& keyword : keywords_of(format)) {
      EXPECT_EQ(find_keyword(keywords_of(format), keyword.block, keyword.name), &keyword)
          << keyword.name << " is there twice";
      EXPECT_TRUE(keyword.fate == Fate::kSame || !keyword.why.empty()) << keyword.name;
      EXPECT_TRUE(keyword.fate == Fate::kNot || keyword.fate == Fate::kNotNeeded ||
                  !keyword.here.empty())
          << keyword.name;
    }
  }
}

}  // namespace
}  // namespace lb::importer
