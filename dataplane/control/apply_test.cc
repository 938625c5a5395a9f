#include "dataplane/control/apply.h"

#include <gtest/gtest.h>

#include "dataplane/control/test_messages.h"

namespace lb {
namespace {

using test::web_snapshot;

class FakeRuntime final : public Publisher {
 public:
  void publish(std::unique_ptr<const Snapshot> next) override {
    current_ = std::move(next);
    seen_ = false;
    ++published_;
  }
  void wait_until_seen() override { seen_ = true; }
  const Snapshot& current() const override { return *current_; }

  unsigned published_ = 0;
  bool seen_ = false;

 private:
  std::unique_ptr<const Snapshot> current_;
};

class ApplyTest : public ::testing::Test {
 protected:
  ApplyTest() { worker_.make_slots(kMaxRealServerSlots); }

  // Slot of the web service's server, kNoSlot when it has none.
  std::uint32_t slot_of(const char* address) const {
    const auto& servers = runtime_.current().real_servers;
    for (std::uint32_t slot = 0; slot < servers.size(); ++slot) {
      if (servers[slot].service != kNoSlot &&
          servers[slot].address == Ipv4Address::parse(address).value().be) {
        return slot;
      }
    }
    return kNoSlot;
  }

  WorkerCounters worker_;
  Totals totals_{{&worker_}};
  FakeRuntime runtime_;
  Transactions transactions_{test::two_ports(), totals_, runtime_};
};

TEST_F(ApplyTest, StartsWithPortsAndNoServices) {
  EXPECT_EQ(runtime_.published_, 1U);
  EXPECT_EQ(runtime_.current().ports.size(), 2U);
  EXPECT_TRUE(runtime_.current().services.empty());
  EXPECT_EQ(transactions_.applied().generation(), 0U);
}

TEST_F(ApplyTest, PublishesAndReadsBack) {
  api::Snapshot message = web_snapshot();
  message.set_generation(77);  // not the caller's to choose
  const auto generation = transactions_.apply(message);
  ASSERT_TRUE(generation) << generation.error().message;
  EXPECT_EQ(*generation, 1U);
  EXPECT_EQ(runtime_.current().generation, 1U);
  EXPECT_NE(slot_of("10.0.0.11"), kNoSlot);
  message.set_generation(1);
  EXPECT_EQ(transactions_.applied().SerializeAsString(), message.SerializeAsString());
  EXPECT_EQ(transactions_.apply(message).value(), 2U);
}

TEST_F(ApplyTest, RefusedMessageChangesNothing) {
  ASSERT_TRUE(transactions_.apply(web_snapshot()));
  const Snapshot* before = &runtime_.current();
  api::Snapshot bad = web_snapshot();
  test::add_real_server(*bad.mutable_services(0), "10.0.0.11", 80);  // a second time
  const auto refused = transactions_.apply(bad);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("web"), std::string::npos) << refused.error().message;
  EXPECT_EQ(&runtime_.current(), before);
  EXPECT_EQ(transactions_.applied().generation(), 1U);
}

TEST_F(ApplyTest, RemovedServerKeepsItsSlotWhileItHasConnections) {
  ASSERT_TRUE(transactions_.apply(web_snapshot()));
  const std::uint32_t slot = slot_of("10.0.0.12");
  worker_.real_servers[slot].active.add(1);
  worker_.real_servers[slot].packets_in.add(8);
  api::Snapshot smaller = web_snapshot();
  smaller.mutable_services(0)->mutable_real_servers()->RemoveLast();
  ASSERT_TRUE(transactions_.apply(smaller));
  for (int i = 0; i < 5; ++i) transactions_.retire_unused();
  EXPECT_EQ(slot_of("10.0.0.12"), slot);
  EXPECT_TRUE(runtime_.current().real_servers[slot].removed);

  worker_.real_servers[slot].active.add(-1);
  transactions_.retire_unused();
  EXPECT_EQ(slot_of("10.0.0.12"), slot);  // one look is not enough
  transactions_.retire_unused();
  EXPECT_EQ(slot_of("10.0.0.12"), kNoSlot);
  EXPECT_EQ(runtime_.current().generation, 2U);
  EXPECT_EQ(
      totals_.retired(runtime_.current().real_servers[slot_of("10.0.0.11")].service).packets_in,
      8U);
}

TEST_F(ApplyTest, AWorkerThatSawTheRemovalLateKeepsTheSlotInUse) {
  ASSERT_TRUE(transactions_.apply(web_snapshot()));
  const std::uint32_t slot = slot_of("10.0.0.12");
  api::Snapshot smaller = web_snapshot();
  smaller.mutable_services(0)->mutable_real_servers()->RemoveLast();
  ASSERT_TRUE(transactions_.apply(smaller));
  transactions_.retire_unused();
  worker_.real_servers[slot].active.add(1);
  worker_.real_servers[slot].total.add(1);
  ASSERT_TRUE(transactions_.apply(smaller));
  EXPECT_EQ(slot_of("10.0.0.12"), slot);
}

TEST_F(ApplyTest, NothingToRetirePublishesNothing) {
  ASSERT_TRUE(transactions_.apply(web_snapshot()));
  const unsigned published = runtime_.published_;
  for (int i = 0; i < 5; ++i) transactions_.retire_unused();
  EXPECT_EQ(runtime_.published_, published);
}

TEST_F(ApplyTest, NextSnapshotWaitsUntilTheWorkersHaveTheLast) {
  ASSERT_TRUE(transactions_.apply(web_snapshot()));
  EXPECT_FALSE(runtime_.seen_);
  ASSERT_TRUE(transactions_.apply(web_snapshot()));
  EXPECT_FALSE(runtime_.seen_);  // of the new one
}

}  // namespace
}  // namespace lb
