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

}  // namespace
}  // namespace lb::view
