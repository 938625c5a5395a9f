#include "config/base/background.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <semaphore>
#include <vector>

namespace lb {
namespace {

using namespace std::chrono_literals;

TEST(BackgroundTest, RunsTasksInOrder) {
  std::vector<int> ran;
  Background thread("test", 10);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(thread.run([&ran, i] { ran.push_back(i); }));
  EXPECT_TRUE(thread.finish(10s));
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(BackgroundTest, RefusesMoreThanMayWait) {
  std::binary_semaphore running(0), go(0);
  std::atomic<int> ran = 0;
  Background thread("test", 2);
  ASSERT_TRUE(thread.run([&] {
    running.release();
    go.acquire();
  }));
  running.acquire();
  EXPECT_TRUE(thread.run([&] { ++ran; }));
  EXPECT_TRUE(thread.run([&] { ++ran; }));
  EXPECT_FALSE(thread.run([&] { ++ran; }));
  EXPECT_FALSE(thread.finish(1ms));
  go.release();
  EXPECT_TRUE(thread.finish(10s));
  EXPECT_EQ(ran, 2);
}

TEST(BackgroundTest, LeavesATaskThatHangsBehind) {
  struct Shared {
    std::binary_semaphore running{0}, go{0}, done{0};
    std::atomic<bool> other = false;
  };
  const auto shared = std::make_shared<Shared>();
  {
    Background thread("test", 2);
    ASSERT_TRUE(thread.run([shared] {
      shared->running.release();
      shared->go.acquire();
      shared->done.release();
    }));
    ASSERT_TRUE(thread.run([shared] { shared->other = true; }));
    shared->running.acquire();
  }
  shared->go.release();
  shared->done.acquire();
  EXPECT_FALSE(shared->other);
}

}  // namespace
}  // namespace lb
