// One mistake, one message: every key of the example, which shows all that there are, with every
// kind of value but its own, misspelt, and as a table where it is none.
#include <gtest/gtest.h>

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "config/load.h"

namespace lb::config {
namespace {

const Machine kMachine{{0, 1, 2, 3}};

std::vector<std::string> example_lines() {
  std::ifstream file(LB_EXAMPLE);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::string join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

// Empty if the line is not a key with its value.
std::string key_of(const std::string& line) {
  const std::size_t end = line.find(" = ");
  const bool named = end != std::string::npos && end > 0 &&
                     line.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == end;
  return named ? line.substr(0, end) : std::string();
}

// When line `index` is replaced by `line`.
std::optional<Mistake> only_mistake(std::vector<std::string> lines, std::size_t index,
                                    const std::string& line) {
  lines[index] = line;
  const Loaded loaded = load_text(join(lines), "example", kMachine);
  EXPECT_EQ(loaded.mistakes.size(), 1u) << line << "\n"
                                        << format_mistakes("example", loaded.mistakes);
  return loaded.mistakes.empty() ? std::nullopt : std::optional(loaded.mistakes[0]);
}

// Whether `value` is of the kind of `own`, so that it may be good.
bool same_kind(const std::string& key, const std::string& own, const std::string& value) {
  const auto kind = [](char first) { return first >= '0' && first <= '9' ? '0' : first; };
  if (key == "expect_status" && (value[0] == '"' || value == "7")) return true;
  return kind(own[0] == '\'' ? '"' : own[0] == '-' ? '0' : own[0]) == kind(value[0]);
}

TEST(WrongTypes, GiveOneMistakeEach) {
  const std::vector<std::string> lines = example_lines();
  std::size_t keys = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string key = key_of(lines[i]);
    if (key.empty()) continue;
    ++keys;
    const std::string own = lines[i].substr(key.size() + 3);
    std::vector<std::string> wrong = {key + "x = " + own};
    for (const std::string value : {"7", "\"text\"", "{ a = 1 }", "[]"}) {
      if (!same_kind(key, own, value)) wrong.push_back(key + " = " + value);
    }
    if (own[0] == '[') {
      for (const std::string value : {"[7]", "[[]]"}) wrong.push_back(key + " = " + value);
    }
    for (const std::string& line : wrong) {
      const auto mistake = only_mistake(lines, i, line);
      EXPECT_EQ(mistake ? mistake->where.line : 0, i + 1)
          << line << "\n"
          << (mistake ? mistake->message : "no mistake");
    }
  }
  EXPECT_GT(keys, 150u);
}

TEST(WrongTypes, GiveOneMistakeForATable) {
  const std::vector<std::string> lines = example_lines();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].starts_with('[')) continue;
    const bool list = lines[i].starts_with("[[");
    const std::string name = lines[i].substr(list ? 2 : 1, lines[i].find(']') - (list ? 2 : 1));
    only_mistake(lines, i, list ? '[' + name + ']' : "[[" + name + "]]");
  }
}

}  // namespace
}  // namespace lb::config
