#include "config/cpu_list.h"

#include <gtest/gtest.h>

namespace lb::config {
namespace {

using Cpus = std::vector<std::uint32_t>;

TEST(CpuList, ParsesNumbersAndRanges) {
  EXPECT_EQ(parse_cpu_list("0").value(), (Cpus{0}));
  EXPECT_EQ(parse_cpu_list("1-3,5").value(), (Cpus{1, 2, 3, 5}));
  EXPECT_EQ(parse_cpu_list("5,1-2").value(), (Cpus{5, 1, 2}));
  EXPECT_EQ(parse_cpu_list("7-7").value(), (Cpus{7}));
  EXPECT_EQ(parse_cpu_list("0-1023").value().size(), 1024u);
}

TEST(CpuList, RefusesEverythingElse) {
  for (const char* text : {"", ",", "1,", ",1", "1-", "-1", "1--2", "1 - 2", "1, 2", "a", "0x1",
                           "1.5", "2-1", "1,1", "1-3,2", "1024", "0-4294967295", "99999999999"}) {
    EXPECT_FALSE(parse_cpu_list(text)) << text;
  }
}

TEST(CpuList, PrintsWhatItParses) {
  for (const char* text : {"0", "0-1", "1-3,5", "0,2,4", "1-2,4-5,9"}) {
    EXPECT_EQ(print_cpu_list(parse_cpu_list(text).value()), text);
  }
  EXPECT_EQ(print_cpu_list({}), "");
}

}  // namespace
}  // namespace lb::config
