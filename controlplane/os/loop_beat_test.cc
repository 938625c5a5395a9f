#include "controlplane/os/loop_beat.h"

#include <gtest/gtest.h>

#include <thread>

namespace lb::controlplane {
namespace {

TEST(LoopBeat, CountsWhileTheLoopTurns) {
  boost::asio::io_context io;
  const LoopBeat beat(io);
  EXPECT_EQ(*beat.count(), 0u);
  io.run_one();
  io.run_one();
  EXPECT_EQ(*beat.count(), 2u);
}

TEST(BeatWatch, CountsLooksWithoutABeat) {
  const auto count = std::make_shared<std::atomic<std::uint64_t>>(0);
  BeatWatch watch(count, 3);
  EXPECT_FALSE(watch.hangs());
  EXPECT_FALSE(watch.hangs());
  ++*count;
  EXPECT_FALSE(watch.hangs());
  EXPECT_FALSE(watch.hangs());
  EXPECT_FALSE(watch.hangs());
  EXPECT_TRUE(watch.hangs());
  ++*count;
  EXPECT_FALSE(watch.hangs());
}

}  // namespace
}  // namespace lb::controlplane
