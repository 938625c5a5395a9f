// sed, nq, fo and ovf, and what all schedulers do about servers that are not wanted.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>

#include "dataplane/sched/testing/load.h"

namespace lb {
namespace {

using test::kAnyone;
using test::kFlow;
using test::service;
using test::Workers;

constexpr Scheduler kAll[] = {Scheduler::kRr,  Scheduler::kWrr, Scheduler::kLc, Scheduler::kWlc,
                              Scheduler::kSed, Scheduler::kNq,  Scheduler::kFo, Scheduler::kOvf};

TEST(Sed, PrefersTheFastOneEvenWhenASlowOneIsIdle) {
  Workers workers(2);
  SchedulerState state(0, 1);
  const ServiceEntry web = service(Scheduler::kSed, {1, 4});
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(state.pick(web, 0, kFlow, workers.load(), kAnyone), 1U) << i;
    workers.of(i % 2, 1).active.add(1);
  }
  // 1 / 1 and 4 / 4: equal, the next in turn.
  EXPECT_EQ(state.pick(web, 0, kFlow, workers.load(), kAnyone), 0U);
}

TEST(Nq, AnIdleServerNeverWaits) {
  Workers workers(2);
  SchedulerState state(0, 1);
  const ServiceEntry web = service(Scheduler::kNq, {1, 4});
  EXPECT_EQ(state.pick(web, 0, kFlow, workers.load(), kAnyone), 0U);
  workers.of(0, 0).active.add(1);
  EXPECT_EQ(state.pick(web, 0, kFlow, workers.load(), kAnyone), 1U);
  workers.of(1, 1).active.add(1);
  EXPECT_EQ(state.pick(web, 0, kFlow, workers.load(), kAnyone), 1U) << "nobody is idle: as sed";
}

TEST(Fo, TheHeaviestOfThoseThatAreUp) {
  Workers workers(1);
  SchedulerState state(0, 1);
  ServiceEntry web = service(Scheduler::kFo, {10, 30, 30, 20});
  workers.of(0, 1).active.add(1'000'000);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(state.pick(web, 0, kFlow, workers.load(), kAnyone), 1U);
  web.candidates = {0, 3};
  web.weights = {10, 20};
  EXPECT_EQ(state.pick(web, 0, kFlow, workers.load(), kAnyone), 3U);
}

TEST(Ovf, FillsOneAfterTheOther) {
  Workers workers(2);
  SchedulerState state(0, 1);
  const ServiceEntry web = service(Scheduler::kOvf, {2, 3});
  std::string picks;
  for (unsigned i = 0; i < 7; ++i) {
    const std::uint32_t slot = state.pick(web, 0, kFlow, workers.load(), kAnyone);
    picks += std::to_string(slot);
    workers.of(i % 2, slot).active.add(1);
  }
  EXPECT_EQ(picks, "1111000") << "until the connections exceed the weight";
  // All overflow: nobody is turned away, the fewest connections per weight decide.
  std::map<std::uint32_t, unsigned> more;
  for (int i = 0; i < 10; ++i) {
    const std::uint32_t slot = state.pick(web, 0, kFlow, workers.load(), kAnyone);
    ++more[slot];
    workers.of(0, slot).active.add(1);
  }
  EXPECT_EQ(workers.load().active(0), 7);
  EXPECT_EQ(workers.load().active(1), 10);
}

TEST(ByLoad, OfUdpEveryFlowCounts) {
  Workers workers(1);
  SchedulerState state(0, 1);
  for (const Scheduler scheduler : {Scheduler::kSed, Scheduler::kNq, Scheduler::kOvf}) {
    ServiceEntry dns = service(scheduler, {1, 2}, 10 * static_cast<std::uint32_t>(scheduler));
    dns.proto = kProtoUdp;
    const std::uint32_t light = dns.candidates[0];
    for (int i = 0; i < 30; ++i) {
      workers.of(0, state.pick(dns, 0, kFlow, workers.load(), kAnyone)).inactive.add(1);
    }
    EXPECT_NEAR(static_cast<double>(workers.load().inactive(light)), 10, 1);
  }
}

// The rules in floating point: ties are broken by turns, as with lc.
TEST(ByLoad, SedAndNqAgreeWithAnOracle) {
  std::mt19937 random(9);
  for (int round = 0; round < 200; ++round) {
    const Scheduler scheduler = round % 2 == 0 ? Scheduler::kSed : Scheduler::kNq;
    const unsigned n = 1 + static_cast<unsigned>(random() % 10);
    std::vector<std::uint16_t> weights(n);
    for (auto& w : weights) w = static_cast<std::uint16_t>(1 + random() % 8);
    const ServiceEntry web = service(scheduler, weights);
    Workers workers(2);
    const Load load = workers.load();
    SchedulerState state(0, 1);
    std::vector<int> active(n, 0);
    unsigned start = 0;
    for (int i = 0; i < 200; ++i) {
      const auto cost = [&](unsigned s) {
        if (scheduler == Scheduler::kNq && active[s] == 0) return 0.0;
        return (active[s] + 1.0) / weights[s];
      };
      unsigned best = start % n;
      for (unsigned k = 1; k < n; ++k) {
        if (cost((start + k) % n) < cost(best)) best = (start + k) % n;
      }
      const std::uint32_t slot = state.pick(web, 0, kFlow, load, kAnyone);
      ASSERT_EQ(slot, best) << "round " << round << ", pick " << i;
      start = best + 1;
      ++active[slot];
      workers.of(static_cast<unsigned>(random() % 2), slot).active.add(1);
      const unsigned victim = static_cast<unsigned>(random() % n);
      if (active[victim] == 0) continue;
      --active[victim];
      workers.of(0, victim).active.add(-1);
    }
  }
}

TEST(ByLoad, FoAndOvfAgreeWithAnOracle) {
  std::mt19937 random(11);
  for (int round = 0; round < 500; ++round) {
    const bool overflows = round % 2 == 0;
    const unsigned n = 1 + static_cast<unsigned>(random() % 8);
    std::vector<std::uint16_t> weights(n);
    for (auto& w : weights) w = static_cast<std::uint16_t>(1 + random() % 6);
    const ServiceEntry web = service(overflows ? Scheduler::kOvf : Scheduler::kFo, weights);
    Workers workers(1);
    std::optional<std::uint32_t> expected;
    for (std::uint32_t s = 0; s < n; ++s) {
      const int active = static_cast<int>(random() % 8);
      workers.of(0, s).active.add(active);
      if (overflows && active > weights[s]) continue;
      if (!expected || weights[s] > weights[*expected]) expected = s;
    }
    SchedulerState state(0, 1);
    const std::uint32_t slot = state.pick(web, 0, kFlow, workers.load(), kAnyone);
    if (expected) {
      EXPECT_EQ(slot, *expected) << "round " << round;
    } else {
      EXPECT_LT(slot, n);
    }
  }
}

TEST(NotWanted, IsNeverChosenAndTheOthersAre) {
  Workers workers(1);
  for (const Scheduler scheduler : kAll) {
    SchedulerState state(0, 1);
    // A walk over the turns of the heavy one would take 60,000 steps.
    const ServiceEntry web = service(scheduler, {1, 60'000, 1, 2});
    std::set<std::uint32_t> seen;
    const std::uint32_t heavy[] = {1};
    for (int i = 0; i < 50; ++i)
      seen.insert(state.pick(web, 0, kFlow, workers.load(), Filter(heavy)));
    EXPECT_FALSE(seen.contains(1));
    EXPECT_FALSE(seen.contains(kNoSlot));
    const std::uint32_t others[] = {0, 2, 3};
    EXPECT_EQ(state.pick(web, 0, kFlow, workers.load(), Filter(others)), 1U);
    const std::uint32_t all[] = {0, 1, 2, 3};
    EXPECT_EQ(state.pick(web, 0, kFlow, workers.load(), Filter(all)), kNoSlot);
  }
}

TEST(NotWanted, RoundRobinTakesTheNext) {
  Workers workers(1);
  SchedulerState state(0, 1);
  const ServiceEntry web = service(Scheduler::kRr, {1, 1, 1});
  const std::uint32_t first[] = {0};
  std::string picks;
  for (int i = 0; i < 4; ++i) {
    picks += std::to_string(state.pick(web, 0, kFlow, workers.load(), Filter(first)));
  }
  EXPECT_EQ(picks, "1212");
}

}  // namespace
}  // namespace lb
