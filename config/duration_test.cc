#include "config/duration.h"

#include <gtest/gtest.h>

namespace lb::config {
namespace {

TEST(Duration, ParsesEveryUnit) {
  EXPECT_EQ(parse_duration("0s").value(), Milliseconds(0));
  EXPECT_EQ(parse_duration("500ms").value(), Milliseconds(500));
  EXPECT_EQ(parse_duration("30s").value(), Milliseconds(30'000));
  EXPECT_EQ(parse_duration("15m").value(), Milliseconds(900'000));
  EXPECT_EQ(parse_duration("4294967295h").value().count(), 4294967295LL * 3'600'000);
}

TEST(Duration, RefusesEverythingElse) {
  for (const char* text : {"", "5", "s", "-5s", "+5s", " 5s", "5s ", "5 s", "1.5s", "5S", "5sec",
                           "1h30m", "4294967296h", "5d"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Duration, PrintsTheLargestWholeUnit) {
  EXPECT_EQ(to_text(Milliseconds(0)), "0s");
  EXPECT_EQ(to_text(Milliseconds(1)), "1ms");
  EXPECT_EQ(to_text(Milliseconds(1500)), "1500ms");
  EXPECT_EQ(to_text(Milliseconds(90'000)), "90s");
  EXPECT_EQ(to_text(Milliseconds(120'000)), "2m");
  EXPECT_EQ(to_text(Milliseconds(7'200'000)), "2h");
}

}  // namespace
}  // namespace lb::config
