#include "controlplane/cli/safe_output.h"

#include <gtest/gtest.h>

#include <sstream>

namespace lb::cli {
namespace {

TEST(SafeOutput, PassesTextAndEscapesTheRest) {
  std::ostringstream to;
  SafeOutput out(to);
  out << "a\tb" << 7 << '\n'
      << "\x1b[2J\u202e\u009b\xff"
      << "Größe\n";
  out.flush();
  EXPECT_EQ(to.str(), "a\tb7\n\\x1b[2J\\u202e\\u009b\\xffGröße\n");
}

// Wherever the writes are cut.
TEST(SafeOutput, JoinsTheBytesOfACharacter) {
  const std::string text = "€\U0001f600ä\xe2\x82 x\u202e\xf0";
  std::ostringstream whole;
  SafeOutput(whole) << text;
  std::ostringstream parts;
  {
    SafeOutput out(parts);
    for (const char c : text) out << c;
  }
  EXPECT_EQ(parts.str(), whole.str());
  EXPECT_EQ(whole.str(), "€\U0001f600ä\\xe2\\x82 x\\u202e\\xf0");
}

TEST(SafeOutput, ReportsAnOutputThatFails) {
  std::ostringstream to;
  to.setstate(std::ios::badbit);
  SafeOutput out(to);
  out << "text";
  EXPECT_FALSE(out);
}

}  // namespace
}  // namespace lb::cli
