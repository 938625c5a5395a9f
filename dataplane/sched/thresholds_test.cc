#include "dataplane/sched/thresholds.h"

#include <gtest/gtest.h>

#include <thread>

#include "dataplane/sched/testing/load.h"

namespace lb {
namespace {

using test::service;
using test::Workers;

RealServerEntry limited(std::uint32_t max, std::uint32_t resume) {
  RealServerEntry rs;
  rs.max_connections = max;
  rs.resume_connections = resume;
  return rs;
}

// A connection of a worker's, from entering to the count.
bool connect(Thresholds& thresholds, const RealServerEntry& rs, Workers& workers,
             unsigned worker = 0) {
  if (!thresholds.has_room(0, rs) || !thresholds.try_enter(0, rs)) return false;
  workers.of(worker, 0).inactive.add(1);
  thresholds.leave(0);
  return true;
}

TEST(Thresholds, FullAtTheUpperAndBackAtTheLower) {
  Workers workers(2);
  const Load load = workers.load();
  Thresholds thresholds(load, 1);
  const RealServerEntry rs = limited(4, 2);
  for (unsigned i = 0; i < 4; ++i) EXPECT_TRUE(connect(thresholds, rs, workers, i % 2));
  EXPECT_TRUE(thresholds.is_full(0, rs));
  EXPECT_FALSE(connect(thresholds, rs, workers));
  workers.of(0, 0).inactive.add(-1);
  EXPECT_FALSE(connect(thresholds, rs, workers)) << "3 of 4, but it was full";
  EXPECT_TRUE(thresholds.is_full(0, rs));
  workers.of(0, 0).inactive.add(-1);
  EXPECT_FALSE(thresholds.is_full(0, rs));
  EXPECT_TRUE(connect(thresholds, rs, workers));
  EXPECT_TRUE(connect(thresholds, rs, workers)) << "up to the upper one again";
  EXPECT_FALSE(connect(thresholds, rs, workers));
}

TEST(Thresholds, ActiveAndInactiveOnesCount) {
  Workers workers(1);
  const Load load = workers.load();
  Thresholds thresholds(load, 1);
  workers.of(0, 0).active.add(1);
  workers.of(0, 0).inactive.add(1);
  EXPECT_FALSE(connect(thresholds, limited(2, 1), workers));
  EXPECT_TRUE(connect(thresholds, limited(3, 1), workers));
}

TEST(Thresholds, AnotherLimitStartsAnew) {
  Workers workers(1);
  const Load load = workers.load();
  Thresholds thresholds(load, 1);
  for (int i = 0; i < 4; ++i) connect(thresholds, limited(4, 1), workers);
  EXPECT_FALSE(connect(thresholds, limited(4, 1), workers));
  EXPECT_TRUE(connect(thresholds, limited(6, 1), workers)) << "raised";
  EXPECT_FALSE(connect(thresholds, limited(3, 1), workers)) << "lowered below what there is";
  EXPECT_TRUE(thresholds.has_room(0, limited(0, 0))) << "taken away";
}

TEST(Thresholds, APlaceThatCouldNotBeUsedIsGivenBack) {
  Workers workers(1);
  const Load load = workers.load();
  Thresholds thresholds(load, 1);
  const RealServerEntry rs = limited(1, 0);
  ASSERT_TRUE(thresholds.try_enter(0, rs));
  EXPECT_FALSE(thresholds.try_enter(0, rs)) << "one is entering";
  thresholds.leave(0);  // the table was full, say
  EXPECT_TRUE(connect(thresholds, rs, workers));
}

// Many workers at the last places, for ever opening and closing: never one too many, and every
// place is used. For ThreadSanitizer, too.
TEST(Thresholds, NeverExceededOverThreads) {
  constexpr unsigned kWorkers = 4;
  constexpr std::int64_t kMax = 7;
  Workers workers(kWorkers);
  const Load load = workers.load();
  Thresholds thresholds(load, 1);
  const RealServerEntry rs = limited(kMax, kMax - 1);
  std::atomic<std::int64_t> open{0};
  std::atomic<std::int64_t> most{0};
  std::vector<std::thread> threads;
  for (unsigned w = 0; w < kWorkers; ++w) {
    threads.emplace_back([&, w] {
      std::int64_t mine = 0;
      for (int i = 0; i < 20'000; ++i) {
        if (thresholds.has_room(0, rs) && thresholds.try_enter(0, rs)) {
          const std::int64_t now = open.fetch_add(1) + 1;
          std::int64_t known = most.load();
          while (now > known && !most.compare_exchange_weak(known, now)) {
          }
          workers.of(w, 0).inactive.add(1);
          thresholds.leave(0);
          ++mine;
        }
        // Those that were counted are ended by whoever comes to it.
        if (mine > 0 && i % 2 == 1) {
          open.fetch_sub(1);
          workers.of(w, 0).inactive.add(-1);
          --mine;
        }
      }
      for (; mine > 0; --mine) {
        open.fetch_sub(1);
        workers.of(w, 0).inactive.add(-1);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(most.load(), kMax);
  EXPECT_EQ(load.total(0), 0);
  EXPECT_TRUE(connect(thresholds, rs, workers));
}

TEST(Thresholds, TheSchedulersPassAFullServerOver) {
  Workers workers(1);
  const Load load = workers.load();
  Thresholds thresholds(load, test::kSlots);
  std::vector<RealServerEntry> servers(3);
  servers[1].max_connections = 2;
  for (const Scheduler scheduler :
       {Scheduler::kRr, Scheduler::kWrr, Scheduler::kLc, Scheduler::kWlc, Scheduler::kSed,
        Scheduler::kNq, Scheduler::kFo, Scheduler::kOvf}) {
    const ServiceEntry web = service(scheduler, {1, 50, 1});
    SchedulerState state(0, 1);
    const Filter filter({}, thresholds, servers.data());
    workers.of(0, 1).inactive.add(2);
    for (int i = 0; i < 20; ++i) EXPECT_NE(state.pick(web, 0, test::kFlow, load, filter), 1U);
    servers[0].max_connections = servers[2].max_connections = 1;
    workers.of(0, 0).inactive.add(1);
    workers.of(0, 2).inactive.add(1);
    EXPECT_EQ(state.pick(web, 0, test::kFlow, load, filter), kNoSlot);
    workers.of(0, 0).inactive.add(-1);
    EXPECT_EQ(state.pick(web, 0, test::kFlow, load, filter), 0U);
    workers.of(0, 1).inactive.add(-2);
    workers.of(0, 2).inactive.add(-1);
    servers[0].max_connections = servers[2].max_connections = 0;
    EXPECT_TRUE(thresholds.has_room(1, servers[1]));
  }
}

}  // namespace
}  // namespace lb
