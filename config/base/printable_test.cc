#include "config/base/printable.h"

#include <gtest/gtest.h>

#include <string>

namespace lb {
namespace {

std::string utf8(char32_t code) {
  const auto byte = [](char32_t value) { return static_cast<char>(value); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xc0 | code >> 6), byte(0x80 | (code & 0x3f))};
  if (code < 0x10000) {
    return {byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 0x3f)), byte(0x80 | (code & 0x3f))};
  }
  return {byte(0xf0 | code >> 18), byte(0x80 | (code >> 12 & 0x3f)),
          byte(0x80 | (code >> 6 & 0x3f)), byte(0x80 | (code & 0x3f))};
}

TEST(Printable, LeavesTextOfAnyLanguage) {
  for (const char* text :
       {"", "web: up", "Größe 1 €", "日本語", "\U0001f600", "a\\b \"c\"", "עברית"}) {
    EXPECT_EQ(printable(text), text);
    EXPECT_EQ(printable_json(text), text);
  }
}

TEST(Printable, EscapesControlCharacters) {
  EXPECT_EQ(printable("a\nb\r\tc\x1b[31m\x7f"), R"(a\nb\r\tc\x1b[31m\x7f)");
  EXPECT_EQ(printable(std::string("\0", 1)), R"(\x00)");
  EXPECT_EQ(printable("a\nb\tc\x1b", "\n\t"), "a\nb\tc\\x1b");
  EXPECT_EQ(printable("\u0085\u009b31m"), R"(\u0085\u009b31m)");
}

TEST(Printable, EscapesWhatChangesLinesOrDirection) {
  EXPECT_EQ(printable("a\u2028b\u2029c"), R"(a\u2028b\u2029c)");
  EXPECT_EQ(printable("\u202eabc\u202c"), R"(\u202eabc\u202c)");
  EXPECT_EQ(printable("\u2066\u2069\u200e\u061c\ufeff"), R"(\u2066\u2069\u200e\u061c\ufeff)");
  EXPECT_EQ(printable("\U000e0041"), R"(\U000e0041)");
}

TEST(Printable, EscapesBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("\xff\x80z"), R"(\xff\x80z)");
  EXPECT_EQ(printable("\xc0\x8a"), R"(\xc0\x8a)");          // an overlong line end
  EXPECT_EQ(printable("\xed\xa0\x80"), R"(\xed\xa0\x80)");  // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), R"(\xf4\x90\x80\x80)");
  EXPECT_EQ(printable("\xe2\x80"), R"(\xe2\x80)");  // cut off
  EXPECT_EQ(printable("\x9b"), R"(\x9b)");          // C1 of a terminal without UTF-8
}

// Whatever the input, no terminal sees a character of these.
TEST(Printable, CoversEveryCodePoint) {
  for (char32_t code = 0; code <= 0x10ffff; ++code) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const std::string text = utf8(code);
    const Character character = first_character(text);
    ASSERT_TRUE(character.is_valid && character.code == code && character.bytes == text.size())
        << static_cast<std::uint32_t>(code);
    ASSERT_EQ(printable(text) == text, is_printable(code)) << static_cast<std::uint32_t>(code);
  }
}

TEST(Printable, KeepsJsonValid) {
  EXPECT_EQ(printable_json("{\n  \"a\": \"\u202e\u009b\x7f\U000e0041\"\n}"),
            "{\n  \"a\": \"\\u202e\\u009b\\u007f\\udb40\\udc41\"\n}");
}

}  // namespace
}  // namespace lb
