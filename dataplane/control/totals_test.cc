#include "dataplane/control/totals.h"

#include <gtest/gtest.h>

namespace lb {
namespace {

class TotalsTest : public ::testing::Test {
 protected:
  TotalsTest() {
    for (auto& worker : workers_) {
      worker.make_slots(kMaxRealServerSlots);
    }
  }

  void count(unsigned worker, std::uint32_t slot, std::uint64_t packets) {
    auto& c = workers_[worker].real_servers[slot];
    c.packets_in.add(packets);
    c.bytes_in.add(100 * packets);
  }

  static Snapshot snapshot(std::size_t slots) {
    Snapshot s;
    s.services.resize(1);
    s.services[0].proto = kProtoTcp;
    s.real_servers.resize(slots);
    for (auto& rs : s.real_servers) rs.service = 0;
    return s;
  }

  std::array<WorkerCounters, 2> workers_;
  Totals totals_{{&workers_[0], &workers_[1]}};
};

TEST_F(TotalsTest, SumsOverWorkers) {
  count(0, 3, 10);
  count(1, 3, 5);
  EXPECT_EQ(totals_.real_server(3).packets_in, 15U);
  EXPECT_EQ(totals_.real_server(3).bytes_in, 1500U);
  EXPECT_EQ(totals_.real_server(2), Traffic{});
}

TEST_F(TotalsTest, OccupancyIsTheSumOfDeltas) {
  workers_[0].real_servers[1].active.add(3);
  workers_[1].real_servers[1].active.add(-2);
  EXPECT_EQ(totals_.occupancy(1).active, 1);
  EXPECT_FALSE(totals_.occupancy(1).none());
  EXPECT_TRUE(totals_.occupancy(0).none());
}

TEST_F(TotalsTest, ServiceKeepsWhatARetiredServerCounted) {
  const Snapshot both = snapshot(2);
  Snapshot one = snapshot(2);
  one.real_servers[1].service = kNoSlot;
  count(0, 0, 1);
  count(0, 1, 20);
  totals_.replaced(both, one);
  EXPECT_EQ(totals_.retired(0).packets_in, 20U);
  EXPECT_EQ(totals_.real_server(1), Traffic{});

  // The slot's next server starts from nothing.
  totals_.replaced(one, both);
  count(1, 1, 4);
  EXPECT_EQ(totals_.real_server(1).packets_in, 4U);
  EXPECT_EQ(totals_.retired(0).packets_in, 20U);

  // And is retired in its turn.
  totals_.replaced(both, one);
  EXPECT_EQ(totals_.retired(0).packets_in, 24U);
  EXPECT_EQ(totals_.real_server(0).packets_in, 1U);
}

TEST_F(TotalsTest, NextServiceInASlotStartsFromNothing) {
  const Snapshot before = snapshot(1);
  const Snapshot after;
  count(0, 0, 9);
  totals_.replaced(before, after);
  EXPECT_EQ(totals_.retired(0), Traffic{});
}

TEST_F(TotalsTest, UnchangedServersGoOnCounting) {
  const Snapshot same = snapshot(2);
  count(0, 1, 5);
  totals_.replaced(same, same);
  count(0, 1, 5);
  EXPECT_EQ(totals_.real_server(1).packets_in, 10U);
}

}  // namespace
}  // namespace lb
