#include "config/toml_tree.h"

#include <gtest/gtest.h>

#include "config/source.h"
#include "config/toml_guard.h"

namespace lb::config {
namespace {

Node tree_of(std::string_view text) {
  std::vector<Mistake> mistakes;
  Node root;
  EXPECT_TRUE(read_toml(text, root, mistakes)) << mistakes.at(0).message;
  return root;
}

std::string key_place(const Node& node) {
  return std::to_string(node.key_where.line) + ':' + std::to_string(node.key_where.column);
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
  for (const std::size_t offset : {0u, 4u, 5u, 7u, 9u, 12u, 13u, 14u}) {
    EXPECT_EQ(source.offset_of(source.locate(offset)), offset);
  }
  EXPECT_EQ(source.offset_of(Location{2, 9}), 14u);
}

TEST(TomlTree, has_the_places_of_keys) {
  const Node root = tree_of(
      "[a]\n"
      "xx = 1\n"
      "x = 2\n"
      "b.c = 3\n"
      "d = { x = 4, \"y\" = 5 }\n"
      "[e . f]\n");
  const Node& a = *root.find("a");
  EXPECT_EQ(key_place(a), "1:2");
  EXPECT_EQ(key_place(*a.find("x")), "3:1");
  EXPECT_EQ(key_place(*a.find("b")), "4:1");
  EXPECT_EQ(key_place(*a.find("b")->find("c")), "4:3");
  EXPECT_EQ(key_place(*a.find("d")->find("x")), "5:7");
  EXPECT_EQ(key_place(*a.find("d")->find("y")), "5:14");
  EXPECT_EQ(key_place(*root.find("e")), "6:2");
  EXPECT_EQ(key_place(*root.find("e")->find("f")), "6:6");
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
}

}  // namespace
}  // namespace lb::config
