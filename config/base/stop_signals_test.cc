#include "config/base/stop_signals.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <semaphore>

#include "config/base/blocked_signals.h"
#include "config/base/log.h"

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
      "last words\n.*still not stopped 50 ms after the signal: gave up the mail\n");
}

TEST_F(StopSignalsTest, TakesAsMuchLongerAsItIsExtended) {
  EXPECT_EXIT(
      {
        StopSignals stop(milliseconds(50));
        stop.listen([](int) {});
        stop.step("the proxy");
        stop.extend(milliseconds(250));
        kill(getpid(), SIGTERM);
        hang();
      },
      testing::ExitedWithCode(kExitGaveUp),
      "still not stopped 300 ms after the signal: gave up the proxy\n");
}

TEST_F(StopSignalsTest, EndsAProcessThatIsReportedToHang) {
  EXPECT_EXIT(
      {
        StopSignals stop;
        stop.at_limit([] { std::fputs("last words\n", stderr); });
        stop.watch([looks = 0]() mutable { return ++looks < 3 ? "" : "the third look"; },
                   milliseconds(1));
        hang();
      },
      testing::ExitedWithCode(kExitGaveUp), "last words\n.*hangs: gave up the third look\n");
  EXPECT_EXIT(
      {
        std::binary_semaphore received(0);
        StopSignals stop;
        stop.listen([&received](int) { received.release(); });
        stop.watch([] { return ""; }, milliseconds(1));
        kill(getpid(), SIGTERM);
        received.acquire();
        stop.watch(nullptr, milliseconds(0));
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(StopSignalsTest, EndsAlthoughTheLastWordsHang) {
  EXPECT_EXIT(
      {
        StopSignals stop(milliseconds(50));
        stop.listen([](int) {});
        stop.step("the mail");
        stop.at_limit(hang);
        kill(getpid(), SIGTERM);
        hang();
      },
      testing::ExitedWithCode(kExitGaveUp),
      "gave up the mail and what should be undone at the end\n");
  EXPECT_EXIT(
      {
        StopSignals stop;
        stop.at_limit(hang);
        kill(getpid(), SIGTERM);
        hang();
      },
      testing::KilledBySignal(SIGTERM), "");
}

// stderr is full, and the lines before have not been written.
TEST_F(StopSignalsTest, EndsAlthoughNobodyReadsTheLog) {
  EXPECT_EXIT(
      {
        int ends[2] = {};
        if (pipe2(ends, O_NONBLOCK) != 0) std::abort();
        while (write(ends[1], "x", 1) == 1) {
        }
        fcntl(ends[1], F_SETFL, 0);
        dup2(ends[1], STDERR_FILENO);
        StopSignals stop(milliseconds(50));
        stop.listen([](int) {});
        kill(getpid(), SIGTERM);
        log::info("waits for a reader");
        hang();
      },
      testing::ExitedWithCode(kExitGaveUp), "");
}

TEST(BlockedSignals, LeavesFaultsToTheirHandlers) {
  const auto is_blocked = [](int signal) {
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    return sigismember(&now, signal) == 1;
  };
  {
    const BlockedSignals blocked;
    for (const int each : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) EXPECT_TRUE(is_blocked(each));
    for (const int each : {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) {
      EXPECT_FALSE(is_blocked(each));
    }
  }
  EXPECT_FALSE(is_blocked(SIGTERM));
}

}  // namespace
}  // namespace lb
