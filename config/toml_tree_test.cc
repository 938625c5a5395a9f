#include "config/toml_tree.h"

#include <gtest/gtest.h>

#include <limits>

#include "config/toml_guard.h"

namespace lb::config {
namespace {

Node tree_of(std::string_view text) {
  std::vector<Mistake> mistakes;
  Node root;
  EXPECT_TRUE(read_toml(Source(text), root, mistakes)) << mistakes.at(0).message;
  return root;
}

std::string key_place(std::string_view text, const Node& node) {
  const Location where = Source(text).locate(node.key_offset);
  return std::to_string(where.line) + ':' + std::to_string(where.column);
}

TEST(Source, counts_characters_from_1) {
  const Source source("a = \"\u00e4\" # x\nb\n");
  EXPECT_EQ(source.locate(0), (Location{1, 1}));
  EXPECT_EQ(source.locate(9), (Location{1, 9}));
  EXPECT_EQ(source.locate(13), (Location{2, 1}));
  EXPECT_EQ(source.locate(1000), (Location{3, 1}));
  EXPECT_EQ(source.lines(), 3u);
  EXPECT_EQ(source.line(2), "b");
  EXPECT_EQ(Source("").locate(0), (Location{1, 1}));
}

TEST(TomlTree, has_the_places_of_keys) {
  constexpr std::string_view kText =
      "[a]\n"
      "xx = 1\n"
      "x = 2\n"
      "b.c = 3\n"
      "d = { x = 4, \"y\" = 5 }\n"
      "[e . f]\n";
  const Node root = tree_of(kText);
  const Node& a = *root.find("a");
  EXPECT_EQ(key_place(kText, a), "1:2");
  EXPECT_EQ(key_place(kText, *a.find("x")), "3:1");
  EXPECT_EQ(key_place(kText, *a.find("b")), "4:1");
  EXPECT_EQ(key_place(kText, *a.find("b")->find("c")), "4:3");
  EXPECT_EQ(key_place(kText, *a.find("d")->find("x")), "5:7");
  EXPECT_EQ(key_place(kText, *a.find("d")->find("y")), "5:15");
  EXPECT_EQ(key_place(kText, *root.find("e")), "6:2");
  EXPECT_EQ(key_place(kText, *root.find("e")->find("f")), "6:6");
}

TEST(TomlTree, has_values_of_every_kind) {
  const Node root =
      tree_of("a = \"x\\ty\"\nb = -7\nc = true\nd = [1, [2]]\ne = 1.5\nf = 12:00:00\n");
  EXPECT_EQ(root.find("a")->text, "x\ty");
  EXPECT_EQ(root.find("b")->integer, -7);
  EXPECT_TRUE(root.find("c")->boolean);
  ASSERT_EQ(root.find("d")->children.size(), 2u);
  EXPECT_EQ(root.find("d")->children[1].children[0].integer, 2);
  EXPECT_EQ(root.find("e")->text, "a number with a fraction");
  EXPECT_EQ(root.find("f")->text, "a date or time");
  EXPECT_EQ(root.find("g"), nullptr);
}

TEST(TomlTree, does_not_wrap_huge_numbers) {
  const Node root = tree_of("a = 99999999999999999999\nb = -99999999999999999999\n");
  EXPECT_EQ(root.find("a")->integer, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(root.find("b")->integer, std::numeric_limits<std::int64_t>::min());
}

TEST(TomlGuard, leaves_brackets_and_dots_in_texts_alone) {
  const std::string many(100, '[');
  const std::string dots(100, '.');
  const std::string text = "a = \"" + many + "\"\nb = '" + many + "'\nc = \"\"\"" + many + "\n" +
                           dots + "\"\"\"\n# it's " + many + dots + "\nd = \"\\\"" + many + "\"\n";
  EXPECT_FALSE(guard_toml(Source(text))) << guard_toml(Source(text))->message;
}

TEST(TomlGuard, refuses_what_is_no_text) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view text :
       {"a = 1\0"sv, "\x01"sv, "a\rb"sv, "\x7f"sv, "\xff"sv, "\xc0\xaf"sv, "\xe2\x82"sv,
        "\xed\xa0\x80"sv, "\xf4\x90\x80\x80"sv, "\x80"sv}) {
    EXPECT_TRUE(guard_toml(Source(text)));
  }
  EXPECT_FALSE(guard_toml(Source("# \u00e4\u20ac\U0001f600\tx\r\n")));
  EXPECT_TRUE(guard_toml(Source("# " + std::string(kMaxLineBytes, 'x'))));
}

}  // namespace
}  // namespace lb::config
