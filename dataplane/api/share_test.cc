#include "dataplane/api/share.h"

#include <gtest/gtest.h>

namespace lb::api {
namespace {

using namespace std::chrono_literals;

// Requests that are made as soon as they may be, each of which takes so long.
int served(Share& share, Share::Clock::time_point& now, std::chrono::seconds time,
           Share::Clock::duration work) {
  int count = 0;
  for (const auto end = now + time; now < end; ++count) {
    now += share.wait(now);
    share.add_request(now);
    now += work;
    share.add_work(now, work);
  }
  return count;
}

TEST(ShareTest, LimitsRequestsPerSecond) {
  Share share;
  Share::Clock::time_point now{1h};
  EXPECT_NEAR(served(share, now, 10s, 0ms), 550, 2);  // with the burst of the first second
  EXPECT_FALSE(share.is_unused(now));
  EXPECT_TRUE(share.is_unused(now + 2s));
}

TEST(ShareTest, LimitsTheTimeOfTheLoop) {
  Share share;
  Share::Clock::time_point now{1h};
  const int count = served(share, now, 100s, 20ms);
  EXPECT_LT(count * 20ms, 25s);
  EXPECT_GT(count * 20ms, 18s);
}

TEST(ShareTest, LetsAModestUserPass) {
  Share share;
  Share::Clock::time_point now{1h};
  for (int i = 0; i < 1000; ++i) {  // four requests at a time, each second
    for (int k = 0; k < 4; ++k) {
      EXPECT_EQ(share.wait(now), 0ms);
      share.add_request(now);
      share.add_work(now, 10ms);
    }
    now += 1s;
  }
}

TEST(ShareTest, DelaysByWhatALongRequestTook) {
  Share share;
  const Share::Clock::time_point now{1h};
  share.add_work(now, 1s);
  EXPECT_EQ(share.wait(now), 3s);
}

}  // namespace
}  // namespace lb::api
