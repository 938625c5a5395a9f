#include "dataplane/packet/fragment_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <random>
#include <thread>

namespace lb {
namespace {

using Found = FragmentTable::Found;

FragmentKey key(std::uint32_t n) {
  return {Be32::from_host(0xc6336400 + n / 65'536), Be32::from_host(0xc000020a),
          Be16::from_host(static_cast<std::uint16_t>(n)), kProtoUdp};
}

FragmentDecision conn(std::uint32_t record) {
  return fragment::OfConnection{record, record + 1, 1};
}

void* cookie(std::uintptr_t n) {
  return reinterpret_cast<void*>(n * 8 + 8);
}

std::vector<void*> cookies(std::uintptr_t from, std::uintptr_t to) {
  std::vector<void*> out;
  for (std::uintptr_t n = from; n < to; ++n) out.push_back(cookie(n));
  return out;
}

// Every place once.
std::vector<void*> expire_all(FragmentTable& table, std::uint32_t now,
                              std::size_t datagrams = 4096) {
  std::vector<void*> expired;
  table.expire(now, 2 * datagrams + 8, expired);
  return expired;
}

TEST(FragmentTable, GivesLaterFragmentsTheDecisionOfTheFirst) {
  FragmentTable table({});
  std::vector<void*> released;
  const std::vector<FragmentDecision> decisions = {fragment::OfConnection{7, 8, 1},
                                                   fragment::OfConnection{7, 8, 0},
                                                   fragment::Stateless{7, 8, 1},
                                                   fragment::Stateless{7, 8, 0},
                                                   fragment::ToKernel{},
                                                   fragment::Dropped{DropReason::no_real_server}};
  for (std::uint32_t n = 0; n < decisions.size(); ++n) {
    EXPECT_TRUE(table.first(key(n), decisions[n], 100, released));
  }
  EXPECT_TRUE(released.empty());
  EXPECT_EQ(table.size(), decisions.size());

  for (std::uint32_t n = 0; n < decisions.size(); ++n) {
    FragmentDecision decision;
    ASSERT_EQ(table.later(key(n), 100, cookie(0), decision), Found::kDecided);
    EXPECT_EQ(decision.index(), decisions[n].index());
    EXPECT_TRUE(decision == decisions[n]) << n;
  }
}

TEST(FragmentTable, DistinguishesDatagramsByEveryPartOfTheKey) {
  FragmentTable table({});
  std::vector<void*> released;
  const FragmentKey base = key(5);
  table.first(base, conn(1), 0, released);
  FragmentKey others[4] = {base, base, base, base};
  others[0].src = Be32::from_host(1);
  others[1].dst = Be32::from_host(1);
  others[2].id = Be16::from_host(1);
  others[3].proto = kProtoTcp;
  for (const FragmentKey& other : others) {
    FragmentDecision decision;
    EXPECT_EQ(table.later(other, 0, cookie(0), decision), Found::kHeld);
  }
}

TEST(FragmentTable, HoldsEarlyFragmentsAndLetsThemGoInOrder) {
  FragmentTable table({});
  FragmentDecision decision;
  for (std::uintptr_t n = 0; n < 10; ++n) {
    EXPECT_EQ(table.later(key(1), 0, cookie(n), decision), Found::kHeld);
    EXPECT_EQ(table.later(key(2), 0, cookie(100 + n), decision), Found::kHeld);
  }
  std::vector<void*> released{cookie(999)};
  EXPECT_TRUE(table.first(key(1), conn(7), 1, released));
  std::vector<void*> expected{cookie(999)};
  for (void* held : cookies(0, 10)) expected.push_back(held);
  EXPECT_EQ(released, expected);
  EXPECT_EQ(table.later(key(1), 1, cookie(11), decision), Found::kDecided);
  EXPECT_TRUE(decision == conn(7));

  released.clear();
  EXPECT_TRUE(table.first(key(1), conn(8), 1, released)) << "a repeated first fragment";
  EXPECT_TRUE(released.empty());
  EXPECT_EQ(table.later(key(1), 1, cookie(11), decision), Found::kDecided);
  EXPECT_TRUE(decision == conn(8));
}

TEST(FragmentTable, KeepsADecisionForALifetimeAfterTheLastFragment) {
  for (const std::uint32_t start : {100u, 0xffff'fff8u}) {  // the tick wraps
    FragmentTable table({});
    std::vector<void*> released;
    FragmentDecision decision;
    table.first(key(1), conn(7), start, released);
    EXPECT_EQ(table.later(key(1), start + 20, cookie(0), decision), Found::kDecided);
    EXPECT_EQ(table.later(key(1), start + 40, cookie(0), decision), Found::kDecided);
    // A worker whose tick is one behind.
    EXPECT_EQ(table.later(key(1), start + 39, cookie(0), decision), Found::kDecided);
    EXPECT_TRUE(expire_all(table, start + 59).empty());
    EXPECT_EQ(table.size(), 1u);
    EXPECT_EQ(table.later(key(1), start + 60, cookie(0), decision), Found::kHeld)
        << "another datagram with the same id";
    EXPECT_EQ(table.size(), 1u);
    EXPECT_EQ(expire_all(table, start + 81), cookies(0, 1));
    EXPECT_EQ(table.size(), 0u);
  }
}

TEST(FragmentTable, ForgetsDecisionsThatNobodyAsksFor) {
  FragmentTable table({});
  std::vector<void*> released;
  for (std::uint32_t n = 0; n < 100; ++n) ASSERT_TRUE(table.first(key(n), conn(n), 50, released));
  EXPECT_TRUE(expire_all(table, 70).empty());
  EXPECT_EQ(table.size(), 100u);
  EXPECT_TRUE(expire_all(table, 71).empty());
  EXPECT_EQ(table.size(), 0u);
}

TEST(FragmentTable, HeldFragmentsWaitALifetimeAndCannotStretchIt) {
  FragmentTable table({});
  FragmentDecision decision;
  EXPECT_EQ(table.later(key(1), 10, cookie(0), decision), Found::kHeld);
  EXPECT_EQ(table.later(key(1), 30, cookie(1), decision), Found::kHeld);
  EXPECT_TRUE(expire_all(table, 30).empty());
  EXPECT_EQ(expire_all(table, 31), cookies(0, 2));
  EXPECT_EQ(table.size(), 0u);
  std::vector<void*> released;
  EXPECT_TRUE(table.first(key(1), conn(7), 31, released));
  EXPECT_TRUE(released.empty());
}

TEST(FragmentTable, ExpiresInSlicesThatCoverTheTable) {
  FragmentTable table({.datagrams = 512});
  std::vector<void*> held;
  for (std::uint32_t n = 0; n < 256; ++n) {
    FragmentDecision decision;
    // A few keys may find their bucket full.
    if (table.later(key(n), 0, cookie(n), decision) == Found::kHeld) held.push_back(cookie(n));
  }
  std::vector<void*> expired;
  for (int call = 0; call < 16; ++call) {  // 1024 places
    const std::size_t before = expired.size();
    table.expire(100, 64, expired);
    EXPECT_LE(expired.size() - before, 64u);
  }
  std::sort(expired.begin(), expired.end());
  EXPECT_EQ(expired, held);
}

TEST(FragmentTable, BoundsItsMemory) {
  FragmentTable table({.datagrams = 64, .held_per_datagram = 3, .held_total = 5});
  FragmentDecision decision;
  for (std::uintptr_t n = 0; n < 3; ++n) {
    EXPECT_EQ(table.later(key(1), 0, cookie(n), decision), Found::kHeld);
  }
  EXPECT_EQ(table.later(key(1), 0, cookie(9), decision), Found::kFull);
  EXPECT_EQ(table.later(key(2), 0, cookie(3), decision), Found::kHeld);
  EXPECT_EQ(table.later(key(2), 0, cookie(4), decision), Found::kHeld);
  EXPECT_EQ(table.later(key(2), 0, cookie(9), decision), Found::kFull);
  EXPECT_EQ(table.later(key(3), 0, cookie(9), decision), Found::kFull);
  EXPECT_EQ(table.size(), 2u);

  std::vector<void*> released;
  EXPECT_TRUE(table.first(key(1), conn(1), 0, released));
  EXPECT_EQ(released, cookies(0, 3));
  EXPECT_EQ(table.later(key(3), 0, cookie(5), decision), Found::kHeld) << "the room is free again";
}

TEST(FragmentTable, NeverLosesRoomForHeldFragments) {
  constexpr std::uintptr_t kTotal = 6;
  FragmentTable table({.datagrams = 64, .held_per_datagram = 4, .held_total = kTotal});
  std::uint32_t now = 0;
  for (int round = 0; round < 9; ++round) {
    FragmentDecision decision;
    for (std::uintptr_t n = 0; n < kTotal; ++n) {
      const FragmentKey datagram = key(static_cast<std::uint32_t>(n % 2));
      ASSERT_EQ(table.later(datagram, now, cookie(n), decision), Found::kHeld) << round;
    }
    ASSERT_EQ(table.later(key(2), now, cookie(9), decision), Found::kFull);
    std::vector<void*> back;
    if (round % 3 == 0) {
      table.first(key(0), conn(0), now, back);
      table.first(key(1), conn(1), now, back);
    } else if (round % 3 == 1) {
      back = expire_all(table, now + 21);
    } else {
      table.drain(back);
    }
    std::sort(back.begin(), back.end());
    EXPECT_EQ(back, cookies(0, kTotal));
    now += 100;
  }
}

TEST(FragmentTable, BoundsTheDatagrams) {
  FragmentTable table({.datagrams = 4});
  std::vector<void*> released;
  FragmentDecision decision;
  for (std::uint32_t n = 0; n < 4; ++n) EXPECT_TRUE(table.first(key(n), conn(n), 0, released));
  EXPECT_FALSE(table.first(key(4), conn(4), 20, released));
  EXPECT_EQ(table.later(key(4), 20, cookie(0), decision), Found::kFull);
  EXPECT_EQ(table.size(), 4u);
  EXPECT_EQ(table.later(key(3), 20, cookie(0), decision), Found::kDecided);
  // Decisions that are over make room without waiting for the sweep.
  EXPECT_TRUE(table.first(key(4), conn(4), 21, released));
  EXPECT_EQ(table.size(), 2u);
}

TEST(FragmentTable, FillsToItsBoundWithFewFullBuckets) {
  FragmentTable table({.datagrams = 4096});
  std::vector<void*> released;
  std::uint32_t taken = 0;
  for (std::uint32_t n = 0; n < 4096; ++n)
    taken += table.first(key(n * 7919), conn(n), 0, released);
  EXPECT_GT(taken, 3900u);
}

TEST(FragmentTable, HoldsNothingWhenItMayNot) {
  FragmentTable table({.datagrams = 4, .held_per_datagram = 0, .held_total = 0});
  FragmentDecision decision;
  EXPECT_EQ(table.later(key(1), 0, cookie(0), decision), Found::kFull);
  EXPECT_EQ(table.size(), 0u);
}

TEST(FragmentTable, DrainsAllHeldCookies) {
  FragmentTable table({});
  FragmentDecision decision;
  std::vector<void*> released;
  table.first(key(1000), conn(1), 0, released);
  for (std::uint32_t n = 0; n < 100; ++n) table.later(key(n % 10), 0, cookie(n), decision);
  std::vector<void*> held;
  table.drain(held);
  std::sort(held.begin(), held.end());
  EXPECT_EQ(held, cookies(0, 100));
  EXPECT_EQ(table.size(), 0u);
  held.clear();
  table.drain(held);
  EXPECT_TRUE(held.empty());
}

// Workers hand in the fragments of shared datagrams in any order while all of them expire: each
// cookie that was held comes back exactly once, and every decision is the one made for its key.
TEST(FragmentTable, LosesNoCookieAmongThreads) {
  constexpr unsigned kThreads = 4;
  constexpr std::uint32_t kRounds = 20'000;
  FragmentTable table(
      {.datagrams = 256, .held_per_datagram = 8, .held_total = 512, .lifetime_ticks = 3});
  std::vector<std::atomic<int>> balance(kThreads * kRounds);
  std::atomic<std::uint32_t> now{0};
  std::atomic<int> wrong{0};

  const auto give_back = [&](std::vector<void*>& returned) {
    for (void* held : returned) {
      balance[reinterpret_cast<std::uintptr_t>(held) / 8 - 1].fetch_sub(1,
                                                                        std::memory_order_relaxed);
    }
    returned.clear();
  };
  const auto work = [&](unsigned thread) {
    std::mt19937 random(thread);
    std::vector<void*> returned;
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      const auto n = static_cast<std::uint32_t>(random() % 300);
      const std::uint32_t tick = now.load(std::memory_order_relaxed);
      const std::size_t mine = thread * std::size_t{kRounds} + round;
      FragmentDecision decision;
      if (random() % 4 == 0) {
        table.first(key(n), conn(n), tick, returned);
      } else {
        balance[mine].fetch_add(1,
                                std::memory_order_relaxed);  // before another thread can release it
        const Found found = table.later(key(n), tick, cookie(mine), decision);
        if (found != Found::kHeld) balance[mine].fetch_sub(1, std::memory_order_relaxed);
        if (found == Found::kDecided && decision != conn(n)) wrong.fetch_add(1);
      }
      if (round % 16 == 0) table.expire(tick, 32, returned);
      if (round % 64 == 0) now.fetch_add(1, std::memory_order_relaxed);
      give_back(returned);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t) threads.emplace_back(work, t);
  for (std::thread& thread : threads) thread.join();
  std::vector<void*> rest;
  table.drain(rest);
  give_back(rest);

  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(table.size(), 0u);
  EXPECT_TRUE(
      std::all_of(balance.begin(), balance.end(), [](const auto& n) { return n.load() == 0; }));
}

}  // namespace
}  // namespace lb
