#include "dataplane/lcore/queue_plan.h"

#include <gtest/gtest.h>

#include <set>

namespace lb {
namespace {

TEST(QueuePlan, OneQueueEachWhenTheDeviceAllows) {
  const auto plan = QueuePlan::make({16, 16, false}, 4);
  EXPECT_EQ(plan.rx, 4);
  EXPECT_EQ(plan.tx, 4);
  EXPECT_FALSE(plan.tx_shared());
  for (unsigned w = 0; w < 4; ++w) {
    EXPECT_EQ(plan.poller(static_cast<std::uint16_t>(w), 3), w);
    EXPECT_EQ(plan.sender(w), w);
  }
}

TEST(QueuePlan, SingleQueuePortsAreSpreadOverTheWorkers) {
  const auto plan = QueuePlan::make({1, 1, false}, 2);
  EXPECT_EQ(plan.rx, 1);
  EXPECT_TRUE(plan.tx_shared());
  EXPECT_EQ(plan.poller(0, 0), 0U);
  EXPECT_EQ(plan.poller(0, 1), 1U);
  EXPECT_EQ(plan.poller(0, 2), 0U);
  EXPECT_EQ(plan.sender(0), 0);
  EXPECT_EQ(plan.sender(1), 0);
}

TEST(QueuePlan, EveryQueueIsPolledWhenTheDeviceFillsThemAll) {
  const auto plan = QueuePlan::make({4, 4, true}, 2);
  EXPECT_EQ(plan.rx, 4);
  EXPECT_EQ(plan.tx, 2);
  std::set<unsigned> pollers;
  for (std::uint16_t q = 0; q < plan.rx; ++q) pollers.insert(plan.poller(q, 0));
  EXPECT_EQ(pollers, (std::set<unsigned>{0, 1}));
}

TEST(QueuePlan, UnusedQueuesAreLeftAlone) {
  EXPECT_EQ(QueuePlan::make({16, 16, false}, 1).rx, 1);
}

TEST(QueuePlan, DeviceThatReportsNothingGetsOneQueue) {
  const auto plan = QueuePlan::make({0, 0, false}, 2);
  EXPECT_EQ(plan.rx, 1);
  EXPECT_EQ(plan.tx, 1);
}

}  // namespace
}  // namespace lb
