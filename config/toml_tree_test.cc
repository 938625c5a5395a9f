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

TEST(Source, CountsCharactersFrom1) {
  const Source source("a = \"\u00e4\" # x\nb\n");
  EXPECT_EQ(source.locate(0), (Location{1, 1}));
  EXPECT_EQ(source.locate(9), (Location{1, 9}));
  EXPECT_EQ(source.locate(13), (Location{2, 1}));
  EXPECT_EQ(source.locate(1000), (Location{3, 1}));
  EXPECT_EQ(source.lines(), 3u);
  EXPECT_EQ(source.line(2), "b");
  EXPECT_EQ(Source("").locate(0), (Location{1, 1}));
}

TEST(TomlTree, HasThePlacesOfKeys) {
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

std::string value_place(const Node& node) {
  return std::to_string(node.where.line) + ':' + std::to_string(node.where.column);
}

TEST(TomlTree, HasThePlacesOfTablesAndLists) {
  const Node root = tree_of(
      "[a.b.c]\r\n"
      "\"\u00e4\" . x = \"\u00f6\" # \u00fc\n"
      "[[l]]\n"
      " [ a ]\n"
      "[[l]]\n"
      "m = ['\u00e4', { n = [] }]\n"
      "[[l.k]]\n");
  const Node& a = *root.find("a");
  EXPECT_EQ(value_place(a), "4:2");
  EXPECT_EQ(key_place(a), "1:2");
  EXPECT_EQ(value_place(*a.find("b")), "1:1");
  EXPECT_EQ(key_place(*a.find("b")), "1:4");
  const Node& dotted = *a.find("b")->find("c")->find("\u00e4");
  EXPECT_EQ(value_place(dotted), "2:1");
  EXPECT_EQ(value_place(*dotted.find("x")), "2:11");
  EXPECT_EQ(key_place(*dotted.find("x")), "2:7");
  const Node& list = *root.find("l");
  ASSERT_EQ(list.children.size(), 2u);
  EXPECT_EQ(value_place(list), "3:1");
  EXPECT_EQ(key_place(list), "3:3");
  EXPECT_EQ(value_place(list.children[1]), "5:1");
  const Node& elements = *list.children[1].find("m");
  EXPECT_EQ(value_place(elements.children[0]), "6:6");
  EXPECT_EQ(value_place(elements.children[1]), "6:11");
  EXPECT_EQ(key_place(*elements.children[1].find("n")), "6:13");
  EXPECT_EQ(key_place(*list.children[1].find("k")), "7:5");
}

TEST(TomlTree, KeepsTheOrderOfTheFile) {
  const Node root = tree_of("z = 1\na = { y = 1, b = 2 }\n[x.c]\n[m]\n[x.b]\n");
  std::string order;
  for (const Node& member : root.children) {
    order += member.key + ' ';
    for (const Node& inner : member.children) order += member.key + '.' + inner.key + ' ';
  }
  EXPECT_EQ(order, "z a a.y a.b x x.c x.b m ");
}

TEST(TomlTree, AcceptsValidToml) {
  constexpr std::string_view kGood[] = {"",
                                        " ",
                                        "\t",
                                        "\n",
                                        "#",
                                        "# x",
                                        "a=1",
                                        "a = 1\r\n",
                                        "a = +1_000",
                                        "a = -0",
                                        "a = 0xdead_BEEF",
                                        "a = 0o17",
                                        "a = 0b1_0",
                                        "a = 9223372036854775807",
                                        "a = -9223372036854775808",
                                        "a = 1e5",
                                        "a = -1_0.5E+0_1",
                                        "a = +inf",
                                        "a = nan",
                                        "a = 1979-05-27",
                                        "a = 07:32:00.5",
                                        "a = 1979-05-27 07:32:00 # x",
                                        "a = 1979-05-27T07:32:00.999999999-07:00",
                                        "\"\" = 1",
                                        "'' = \"\"",
                                        "1979-05-27 = 1",
                                        "a . \"b.c\" . 'd' = 1",
                                        "\"a=b\".c = 1",
                                        "a.b = 1\na.c = 2",
                                        "a = \"\\b\\t\\n\\f\\r\\\"\\\\\\u00e4\\U0010ffff\"",
                                        "a = \"\"\"\"x\"\"\"\"\"",
                                        "a = ''''x'''''",
                                        "a = \"\"\"\nx\\  \n\n  y\"\"\"",
                                        "a = [ # x\n 1, # y\n [\"z\", {}], 1.5\n,]",
                                        "a = { b.c = 1, b.d = [1,\n2] }",
                                        "[a.b]\n[a]",
                                        "[[a.b]]\n[a]",
                                        "[a]\n[c]\n[a.b]",
                                        "[a]\nb.c = 1\n[a.b.d]",
                                        "[a.b.d]\n[a]\nb.c = 1",
                                        "[[a]]\n[a.b]\n[[a]]\n[a.b]",
                                        "[[a]]\n[[a.b]]\n[[a.b]]",
                                        "[ a . 'b' ] # x"};
  for (const std::string_view text : kGood) {
    tree_of(text);
  }
}

TEST(TomlTree, RefusesInvalidToml) {
  constexpr std::string_view kWrong[] = {
      "a",
      "a =",
      "= 1",
      "a b = 1",
      "a. = 1",
      ".a = 1",
      "a..b = 1",
      "a = 1 2",
      "a = 1 b = 2",
      "a = 01",
      "a = 1_",
      "a = 1__0",
      "a = _1",
      "a = 0X1",
      "a = 0xg",
      "a = +0x1",
      "a = 0b2",
      "a = 0b0101010101010101010101010101010101010101010101010101010101010101010101x",
      "a = 1.",
      "a = .5",
      "a = 1.e5",
      "a = 00.5",
      "a = infinity",
      "a = 07:32",
      "a = 1979-02-30",
      "a = 1979-05-27T25:00:00",
      "a = truex",
      "a = \"x\"y",
      "a = \"\\q\"",
      "a = \"\\ud800\"",
      "a = \"\\U00110000\"",
      "a = \"\\u12\"",
      "a = \"x\\",
      "a = \"x\\\ny\"",
      "a = \"\"\"x\\ y\"\"\"",
      "\"\"\"a\"\"\" = 1",
      "a = [1 2]",
      "a = [,1]",
      "a = [1,,2]",
      "a = [1",
      "a = [1]]",
      "a = {,}",
      "a = {b = 1,}",
      "a = {b = 1\n}",
      "a = {b}",
      "a = {b = 1 c = 2}",
      "a = {b = 1, b = 2}",
      "a = {b = 1, b.c = 2}",
      "a = {b = {}, b.c = 2}",
      "[a",
      "[]",
      "[a]b",
      "[a.]",
      "[a b]",
      "[[a]",
      "[[a] ]",
      "[ [a]]",
      "a = 1\na = 2",
      "a = 1\na.b = 2",
      "a.b = 1\na = 2",
      "a = {}\na.b = 1",
      "a = 1\n[a]",
      "a = 1\n[a.b]",
      "a = {}\n[a.b]",
      "a = []\n[a.b]",
      "a = [{}]\n[a.b]",
      "a = []\n[[a]]",
      "a = [{}]\n[[a]]",
      "a.b = 1\n[a]",
      "[a]\n[a]",
      "[a.b]\n[a]\n[a]",
      "[a]\n[[a]]",
      "[[a]]\n[a]",
      "[a.b]\n[[a]]",
      "[a]\nb.c = 1\n[a.b]",
      "[a.b]\n[a]\nb.c = 1",
      "[a.b.d]\n[a]\nb.c = 1\n[a.b]",
      "[[a.b]]\n[a]\nb.c = 1"};
  for (const std::string_view text : kWrong) {
    std::vector<Mistake> mistakes;
    Node root;
    EXPECT_FALSE(read_toml(text, root, mistakes)) << text;
    EXPECT_EQ(mistakes.size(), 1u) << text;
  }
}

TEST(TomlTree, RefusesIntegersOfMoreThan64Bits) {
  for (const std::string_view number :
       {"9223372036854775808", "-9223372036854775809", "0x8000000000000000",
        "0o1777777777777777777777",
        "0b1000000000000000000000000000000000000000000000000000000000000000"}) {
    std::vector<Mistake> mistakes;
    Node root;
    EXPECT_FALSE(read_toml("a = " + std::string(number), root, mistakes)) << number;
    EXPECT_EQ(mistakes.at(0).message, std::string(number) + " is out of range; write less");
  }
  const std::string zeros(100, '0');
  EXPECT_EQ(tree_of("a = 0b" + zeros + "11").find("a")->integer, 3);
}

// Work that grew with the square of a line's length would not come to an end here.
TEST(TomlTree, ReadsLongLines) {
  constexpr std::size_t kElements = 500'000;
  std::string text = "a = [";
  for (std::size_t i = 0; i < kElements; ++i) text += "1,";
  EXPECT_EQ(tree_of(text + "]").find("a")->children.size(), kElements);
}

TEST(TomlTree, HasValuesOfEveryKind) {
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

TEST(TomlGuard, IgnoresBracketsAndDotsInStrings) {
  const std::string many(100, '[');
  const std::string dots(100, '.');
  const std::string text = "a = \"" + many + "\"\nb = '" + many + "'\nc = \"\"\"" + many + "\n" +
                           dots + "\"\"\"\n# it's " + many + dots + "\nd = \"\\\"" + many + "\"\n";
  EXPECT_FALSE(guard_toml(Source(text))) << guard_toml(Source(text))->message;
}

TEST(TomlGuard, RefusesBinaryData) {
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
