#include "config/pattern.h"

#include <gtest/gtest.h>

namespace lb::config {
namespace {

TEST(Pattern, EscapesBecomeTheirBytes) {
  EXPECT_EQ(unescape("PING\\r\\n").value(), "PING\r\n");
  EXPECT_EQ(unescape("\\x00\\xFf\\\\\\t\\0").value(), std::string("\0\xff\\\t\0", 5));
  EXPECT_EQ(unescape("plain").value(), "plain");
  for (const char* wrong : {"\\", "\\q", "\\x1", "\\xzz"}) EXPECT_FALSE(unescape(wrong)) << wrong;
}

TEST(Pattern, StatusesAreSetsOfRanges) {
  const auto text = [](const char* from) { return print_statuses(parse_statuses(from).value()); };
  EXPECT_EQ(text("200"), "200");
  EXPECT_EQ(text("301, 200-299"), "200-299,301");
  EXPECT_EQ(text("200-250,240-260,261"), "200-261");
  for (const char* wrong : {"", "99", "600", "2xx", "300-200", "200,", "200--300"}) {
    EXPECT_FALSE(parse_statuses(wrong)) << wrong;
  }
}

TEST(Pattern, ExpressionsAreThoseOfRe2) {
  EXPECT_TRUE(check_pattern("^220 .*ready"));
  EXPECT_FALSE(check_pattern("(open"));
  EXPECT_FALSE(check_pattern("(a)\\1"));  // what would take exponential time elsewhere
}

}  // namespace
}  // namespace lb::config
