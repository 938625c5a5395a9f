#include "config/base/stop_signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <semaphore>

namespace lb {
namespace {

using std::chrono::milliseconds;

// Each test ends a process of its own.
class StopSignalsTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

[[noreturn]] void hang() {
  for (;;) pause();
}

TEST_F(StopSignalsTest, BeforeItListensASignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        StopSignals stop;
        stop.at_limit([] { std::fputs("last words\n", stderr); });
        kill(getpid(), SIGTERM);
        hang();
      },
      testing::KilledBySignal(SIGTERM), "last words");
}

TEST_F(StopSignalsTest, ReportsEachSignal) {
  EXPECT_EXIT(
      {
        std::counting_semaphore<2> received(0);
        StopSignals stop;
        stop.listen([&received](int) { received.release(); });
        kill(getpid(), SIGTERM);
        received.acquire();
        kill(getpid(), SIGINT);
        received.acquire();
        stop.listen(nullptr);
        kill(getpid(), SIGTERM);
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(StopSignalsTest, EndsAProcessThatHangsAndSaysAtWhat) {
  EXPECT_EXIT(
      {
        StopSignals stop(milliseconds(50));
        stop.listen([](int) {});
        stop.step("the mail");
        stop.at_limit([] { std::fputs("last words\n", stderr); });
        kill(getpid(), SIGTERM);
        hang();
      },
      testing::ExitedWithCode(kExitGaveUp),
      "still not stopped 50 ms after the signal: gave up the mail\nlast words");
}

}  // namespace
}  // namespace lb
