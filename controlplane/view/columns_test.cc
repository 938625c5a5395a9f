#include "controlplane/view/columns.h"

#include <gtest/gtest.h>

namespace lb::view {
namespace {

TEST(Format, AlignsColumns) {
  using enum Align;
  Columns columns({kLeft, kRight, kLeft});
  columns.row({"a", "bb", "c"});
  columns.row({"aaa", "b", "cc"});
  columns.row({"only"});
  EXPECT_EQ(columns.text(), "a     bb  c\naaa    b  cc\nonly\n");
}

TEST(Format, EscapesCells) {
  Columns columns({Align::kLeft});
  columns.row({"up\nfake  up\u202e"});
  EXPECT_EQ(columns.text(), "up\\nfake  up\\u202e\n");
}

}  // namespace
}  // namespace lb::view
