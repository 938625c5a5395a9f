#include "dataplane/sched/scheduler.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>
#include <set>
#include <thread>

#include "dataplane/sched/testing/load.h"

namespace lb {
namespace {

using test::kAnyone;
using test::kFlow;
using test::service;
using test::Workers;

TEST(Load, SumsOverWorkersAndNeverGoesBelowZero) {
  Workers workers(3);
  workers.of(0, 5).active.add(4);
  workers.of(2, 5).active.add(-1);
  workers.of(1, 5).inactive.add(2);
  workers.of(1, 6).active.add(-1);
  workers.of(1, 7).active.add(std::int64_t{1} << 48);
  const Load load = workers.load();
  EXPECT_EQ(load.active(5), 3);
  EXPECT_EQ(load.inactive(5), 2);
  EXPECT_EQ(load.weighted(5), 3U * 256 + 2);
  EXPECT_EQ(load.weighted(6), 0U);
  EXPECT_EQ(load.weighted(7), std::uint64_t{1} << 47);
}

TEST(Pick, NothingUpIsNoSlot) {
  Workers workers(1);
  SchedulerState state(0, 1);
  for (const Scheduler s : {Scheduler::kRr, Scheduler::kWrr, Scheduler::kLc, Scheduler::kWlc}) {
    EXPECT_EQ(state.pick(service(s, {}), 0, kFlow, workers.load(), kAnyone), kNoSlot);
  }
}

TEST(Pick, RoundRobinIsExactOverOnePeriod) {
  Workers workers(1);
  const Load load = workers.load();
  for (const Scheduler s : {Scheduler::kRr, Scheduler::kWrr}) {
    SchedulerState state(0, 1);
    const ServiceEntry web = service(s, {5, 3, 2}, 10);
    std::map<std::uint32_t, unsigned> picks;
    for (int i = 0; i < 30; ++i) ++picks[state.pick(web, 7, kFlow, load, kAnyone)];
    if (s == Scheduler::kRr) {
      EXPECT_EQ(picks, (std::map<std::uint32_t, unsigned>{{10, 10}, {11, 10}, {12, 10}}));
    } else {
      EXPECT_EQ(picks, (std::map<std::uint32_t, unsigned>{{10, 15}, {11, 9}, {12, 6}}));
    }
  }
}

TEST(Pick, ServicesDoNotDisturbEachOther) {
  Workers workers(1);
  const Load load = workers.load();
  SchedulerState state(0, 1);
  const ServiceEntry a = service(Scheduler::kRr, {1, 1});
  const ServiceEntry b = service(Scheduler::kRr, {1, 1}, 2);
  EXPECT_EQ(state.pick(a, 0, kFlow, load, kAnyone), 0U);
  EXPECT_EQ(state.pick(b, kMaxServiceSlots - 1, kFlow, load, kAnyone), 2U);
  EXPECT_EQ(state.pick(a, 0, kFlow, load, kAnyone), 1U);
  EXPECT_EQ(state.pick(b, kMaxServiceSlots - 1, kFlow, load, kAnyone), 3U);
}

TEST(Pick, GoesOnWhenServersCameAndWent) {
  Workers workers(1);
  const Load load = workers.load();
  SchedulerState state(0, 1);
  for (int i = 0; i < 5; ++i)
    state.pick(service(Scheduler::kRr, {1, 1, 1, 1, 1, 1}), 0, kFlow, load, kAnyone);
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 2; ++i)
    seen.insert(state.pick(service(Scheduler::kRr, {1, 1}), 0, kFlow, load, kAnyone));
  EXPECT_EQ(seen.size(), 2U);
  EXPECT_EQ(state.pick(service(Scheduler::kLc, {1}), 0, kFlow, load, kAnyone), 0U);
  EXPECT_EQ(state.pick(service(Scheduler::kLc, {}), 0, kFlow, load, kAnyone), kNoSlot);
}

// Few connections over many workers: without a count to go by, only the places where the workers
// start keep them apart.
TEST(Pick, WorkersStartAtDifferentPlaces) {
  Workers workers(4);
  const Load load = workers.load();
  for (const Scheduler s : {Scheduler::kRr, Scheduler::kWrr, Scheduler::kLc, Scheduler::kWlc}) {
    const ServiceEntry web = service(s, std::vector<std::uint16_t>(8, 1));
    std::set<std::uint32_t> seen;
    for (unsigned worker = 0; worker < 4; ++worker) {
      SchedulerState state(worker, 4);
      for (int i = 0; i < 2; ++i) seen.insert(state.pick(web, 0, kFlow, load, kAnyone));
    }
    EXPECT_EQ(seen.size(), 8U);
  }
}

TEST(Peek, NamesTheNextChoicesAndChangesNone) {
  Workers workers(1);
  const Load load = workers.load();
  for (const Scheduler s : {Scheduler::kRr, Scheduler::kWrr}) {
    const ServiceEntry entry = service(s, {3, 1, 2});
    SchedulerState state(0, 1);
    for (int start = 0; start < 10; ++start) {
      std::vector<std::uint32_t> expected;
      for (std::size_t ahead = 0; ahead < 8; ++ahead) {
        expected.push_back(state.peek(entry, 0, kFlow, ahead));
      }
      SchedulerState copy = state;
      for (const std::uint32_t slot : expected)
        EXPECT_EQ(copy.pick(entry, 0, kFlow, load, kAnyone), slot);
      state.pick(entry, 0, kFlow, load, kAnyone);
    }
  }
}

TEST(Peek, NamesNoServerForLeastConnections) {
  const SchedulerState state(0, 1);
  EXPECT_EQ(state.peek(service(Scheduler::kLc, {1, 1}), 0, kFlow, 0), kNoSlot);
  EXPECT_EQ(state.peek(service(Scheduler::kWlc, {1, 1}), 0, kFlow, 0), kNoSlot);
  EXPECT_EQ(state.peek(service(Scheduler::kRr, {}), 0, kFlow, 0), kNoSlot);
}

TEST(LeastConnections, TheFirstNConnectionsGoToNServers) {
  for (const Scheduler s : {Scheduler::kLc, Scheduler::kWlc}) {
    Workers workers(3);
    const Load load = workers.load();
    std::vector<SchedulerState> states;
    for (unsigned w = 0; w < 3; ++w) states.emplace_back(w, 3);
    const ServiceEntry web = service(s, {1, 7, 3, 1, 9, 2, 2});
    std::set<std::uint32_t> seen;
    for (unsigned i = 0; i < 7; ++i) {
      const unsigned worker = i % 3;
      const std::uint32_t slot = states[worker].pick(web, 0, kFlow, load, kAnyone);
      seen.insert(slot);
      workers.of(worker, slot).inactive.add(1);
    }
    EXPECT_EQ(seen.size(), 7U);
  }
}

TEST(LeastConnections, ActiveOnesWeigh256TimesAnInactive) {
  Workers workers(2);
  workers.of(0, 0).active.add(1);
  workers.of(1, 1).inactive.add(255);
  SchedulerState state(0, 1);
  const ServiceEntry web = service(Scheduler::kLc, {1, 1});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(state.pick(web, 0, kFlow, workers.load(), kAnyone), 1U);
  workers.of(0, 1).inactive.add(2);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(state.pick(web, 0, kFlow, workers.load(), kAnyone), 0U);
}

TEST(LeastConnections, LargeCountsAndWeightsDoNotOverflow) {
  Workers workers(1);
  // As many as there can be records.
  workers.of(0, 0).active.add((std::int64_t{1} << 31) - 1);
  workers.of(0, 1).active.add((std::int64_t{1} << 31) - 2);
  SchedulerState state(0, 1);
  EXPECT_EQ(
      state.pick(service(Scheduler::kWlc, {65'535, 65'535}), 0, kFlow, workers.load(), kAnyone),
      1U);
  EXPECT_EQ(
      state.pick(service(Scheduler::kWlc, {65'535, 65'534}), 0, kFlow, workers.load(), kAnyone),
      0U);
  EXPECT_EQ(state.pick(service(Scheduler::kWlc, {1, 65'535}), 0, kFlow, workers.load(), kAnyone),
            1U);
}

// The rule in its plainest form: the least quotient, the first one from the last choice on.
TEST(LeastConnections, AgreesWithAnOracleInFloatingPoint) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    const bool weighted = round % 2 == 0;
    const unsigned n = 1 + static_cast<unsigned>(random() % 12);
    std::vector<std::uint16_t> weights(n);
    for (auto& w : weights)
      w = static_cast<std::uint16_t>(1 + random() % (round % 5 == 0 ? 3 : 60));
    const ServiceEntry web = service(weighted ? Scheduler::kWlc : Scheduler::kLc, weights);
    Workers workers(2);
    const Load load = workers.load();
    SchedulerState state(0, 1);
    std::vector<std::pair<int, int>> counts(n);  // active, inactive
    unsigned start = 0;
    for (int i = 0; i < 300; ++i) {
      const auto quotient = [&](unsigned s) {
        return (counts[s].first * 256.0 + counts[s].second) / (weighted ? weights[s] : 1);
      };
      unsigned best = start % n;
      for (unsigned k = 1; k < n; ++k) {
        const unsigned s = (start + k) % n;
        if (quotient(s) < quotient(best)) best = s;
      }
      const std::uint32_t slot = state.pick(web, 0, kFlow, load, kAnyone);
      ASSERT_EQ(slot, best) << "round " << round << ", pick " << i;
      start = best + 1;
      // A new connection, and now and then the end of an old one, counted by any worker.
      const unsigned worker = static_cast<unsigned>(random() % 2);
      if (random() % 2 == 0) {
        ++counts[slot].first;
        workers.of(worker, slot).active.add(1);
      } else {
        ++counts[slot].second;
        workers.of(worker, slot).inactive.add(1);
      }
      const unsigned victim = static_cast<unsigned>(random() % n);
      if (counts[victim].first > 0) {
        --counts[victim].first;
        workers.of(1 - worker, victim).active.add(-1);
      }
    }
  }
}

// With long connections only, counts settle at the weights.
TEST(LeastConnections, LoadFollowsTheWeights) {
  Workers workers(1);
  const Load load = workers.load();
  SchedulerState state(0, 1);
  const ServiceEntry web = service(Scheduler::kWlc, {1, 2, 5});
  for (int i = 0; i < 800; ++i)
    workers.of(0, state.pick(web, 0, kFlow, load, kAnyone)).active.add(1);
  EXPECT_NEAR(static_cast<double>(load.active(0)), 100, 1);
  EXPECT_NEAR(static_cast<double>(load.active(1)), 200, 1);
  EXPECT_NEAR(static_cast<double>(load.active(2)), 500, 1);
}

// Each worker counts for itself and reads all; the sums lose nothing. For ThreadSanitizer, too.
TEST(LeastConnections, CountsAreExactOverThreads) {
  constexpr unsigned kWorkers = 4;
  constexpr int kPicks = 5000;
  Workers workers(kWorkers);
  const Load load = workers.load();
  const ServiceEntry web = service(Scheduler::kWlc, {1, 2, 3, 4});
  std::vector<std::thread> threads;
  for (unsigned w = 0; w < kWorkers; ++w) {
    threads.emplace_back([&, w] {
      SchedulerState state(w, kWorkers);
      for (int i = 0; i < kPicks; ++i)
        workers.of(w, state.pick(web, 0, kFlow, load, kAnyone)).active.add(1);
    });
  }
  for (std::thread& t : threads) t.join();
  std::int64_t total = 0;
  for (std::uint32_t slot = 0; slot < 4; ++slot) {
    total += load.active(slot);
    // A choice may be out of date by what the other workers did since they were read.
    EXPECT_GT(load.active(slot), 0);
  }
  EXPECT_EQ(total, std::int64_t{kWorkers} * kPicks);
}

}  // namespace
}  // namespace lb
