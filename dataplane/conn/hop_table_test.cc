#include "dataplane/conn/hop_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "config/base/testing/randomised.h"
#include "dataplane/conn/testing/test_hops.h"

namespace lb {
namespace {

using test::hop_of;
using test::TestHops;

// A whole pass of reclaim, with what is in use.
void reclaim(TestHops& hops, const std::vector<std::uint32_t>& used) {
  hops->begin_epoch();
  hops.epochs().quiescent(0);
  ASSERT_TRUE(hops->grace_passed());
  for (const std::uint32_t index : used) hops->mark(index);
  for (std::uint32_t at = 0; (at = hops->condemn(at, 100)) != 0;) {
  }
  hops->begin_free();
  hops.epochs().quiescent(0);
  ASSERT_TRUE(hops->grace_passed());
  for (std::uint32_t at = 0; (at = hops->free(at, 100)) != 0;) {
  }
}

void settle(TestHops& hops) {
  hops->begin_settle();
  for (std::uint32_t at = 0; (at = hops->settle(at, 100)) != 0;) {
  }
}

TEST(HopTable, HasARoomThatFollowsTheConnections) {
  EXPECT_EQ(HopTable::entries_for(1), 1024U);
  EXPECT_EQ(HopTable::entries_for(1025), 2048U);
  EXPECT_EQ(HopTable::entries_for(200'000), 65'536U);
  EXPECT_EQ(HopTable::entries_for(std::uint32_t{1} << 31), 65'536U);
}

TEST(HopTable, TellsHopsApart) {
  for (const std::uint32_t entries : {128U, 1024U}) {
    TestHops hops(entries);
    std::map<std::uint32_t, ClientHop> known;
    for (const ClientHop hop : {hop_of(1), hop_of(2), hop_of(1, 7), hop_of(1, 0, 3)}) {
      const std::uint32_t index = hops->look_up(hop);
      ASSERT_NE(index, HopTable::kNone);
      EXPECT_TRUE(known.emplace(index, hop).second);
      EXPECT_EQ(hops->look_up(hop), index);
    }
    for (const auto& [index, hop] : known) EXPECT_EQ(hops->at(index), hop);
    EXPECT_EQ(hops->used(), 1 + known.size());
  }
}

TEST(HopTable, MovesEveryEntryOfAHopAtOnce) {
  TestHops hops(1024);
  const std::uint32_t first = hops->look_up(hop_of(1));
  const std::uint32_t other = hops->look_up(hop_of(3));
  EXPECT_TRUE(hops->move(std::vector<HopMove>{{hop_of(1), hop_of(2)}}));
  EXPECT_EQ(hops->at(first), hop_of(2));
  EXPECT_EQ(hops->at(other), hop_of(3));
  // A late packet of the old machine enters it again; the connections that moved stay.
  const std::uint32_t late = hops->look_up(hop_of(1));
  EXPECT_NE(late, first);
  const std::uint32_t second = hops->look_up(hop_of(2));
  EXPECT_TRUE(hops->move(std::vector<HopMove>{{hop_of(2), hop_of(4)}}));
  EXPECT_EQ(hops->at(first), hop_of(4));
  EXPECT_EQ(hops->at(second), hop_of(4));
  EXPECT_EQ(hops->at(late), hop_of(1));
  EXPECT_FALSE(hops->move(std::vector<HopMove>{{hop_of(99), hop_of(1)}}));
  EXPECT_EQ(hops->at(HopTable::kNone), ClientHop{});
}

TEST(HopTable, LetsTwoHopsChangePlaces) {
  TestHops hops(1024);
  const std::uint32_t a = hops->look_up(hop_of(1));
  const std::uint32_t b = hops->look_up(hop_of(2));
  hops->move(std::vector<HopMove>{{hop_of(1), hop_of(2)}, {hop_of(2), hop_of(1)}});
  EXPECT_EQ(hops->at(a), hop_of(2));
  EXPECT_EQ(hops->at(b), hop_of(1));
}

// A stranger with a new MAC address for each packet.
TEST(HopTable, KnowsItsHopsAlsoWhenItIsFull) {
  TestHops hops(1024);
  const std::uint32_t router = hops->look_up(hop_of(0));
  EXPECT_FALSE(hops->is_crowded());
  std::uint32_t refused = 0;
  for (std::uint32_t n = 1; n < 20'000; ++n) {
    refused += hops->look_up(hop_of(n, 1)) == HopTable::kNone ? 1U : 0U;
  }
  EXPECT_GT(refused, 18'000U);
  EXPECT_LE(hops->used(), 1024U);
  EXPECT_TRUE(hops->is_crowded());
  EXPECT_EQ(hops->look_up(hop_of(0)), router);
  // It fails over to a router that was never seen before: new connections come from there.
  hops->move(std::vector<HopMove>{{hop_of(0), hop_of(77)}});
  EXPECT_TRUE(hops->is_unsettled());
  settle(hops);
  EXPECT_FALSE(hops->is_unsettled());
  const std::uint32_t fresh = hops->look_up(hop_of(77));
  ASSERT_NE(fresh, HopTable::kNone);
  EXPECT_EQ(hops->at(fresh), hop_of(77));
  settle(hops);
  EXPECT_EQ(hops->look_up(hop_of(77)), fresh) << "entered once";
}

TEST(HopTable, FreesWhatNothingRefersTo) {
  TestHops hops(1024);
  std::vector<std::uint32_t> used;
  for (std::uint32_t n = 0; n < 600; ++n) {
    const std::uint32_t index = hops->look_up(hop_of(n));
    ASSERT_NE(index, HopTable::kNone);
    if (n % 3 == 0) used.push_back(index);
  }
  EXPECT_TRUE(hops->is_crowded());
  reclaim(hops, used);
  EXPECT_EQ(hops->used(), 1 + used.size());
  EXPECT_FALSE(hops->is_crowded());
  for (std::uint32_t k = 0; k < used.size(); ++k) {
    EXPECT_EQ(hops->at(used[k]), hop_of(3 * k));
    EXPECT_EQ(hops->look_up(hop_of(3 * k)), used[k]);
  }
  reclaim(hops, {});
  EXPECT_EQ(hops->used(), 1U);
}

TEST(HopTable, KeepsWhatIsLookedUpDuringAPass) {
  TestHops hops(1024);
  const std::uint32_t before = hops->look_up(hop_of(1));
  const std::uint32_t idle = hops->look_up(hop_of(2));
  hops->begin_epoch();
  EXPECT_EQ(hops->look_up(hop_of(1)), before);
  const std::uint32_t fresh = hops->look_up(hop_of(3));
  hops->condemn(0, 1024);
  EXPECT_EQ(hops->look_up(hop_of(1)), before);
  // Condemned: a worker may still read it, nobody finds it any more.
  EXPECT_EQ(hops->at(idle), hop_of(2));
  const std::uint32_t again = hops->look_up(hop_of(2));
  EXPECT_NE(again, idle);
  hops->begin_free();
  EXPECT_FALSE(hops->grace_passed());
  hops.epochs().quiescent(0);
  EXPECT_TRUE(hops->grace_passed());
  hops->free(0, 1024);
  EXPECT_EQ(hops->at(idle), ClientHop{});
  EXPECT_EQ(hops->at(before), hop_of(1));
  EXPECT_EQ(hops->at(fresh), hop_of(3));
  EXPECT_EQ(hops->at(again), hop_of(2));
}

TEST(HopTable, FindsAMovedHopAfterItsOwnEntryWasFreed) {
  TestHops hops(1024);
  std::vector<std::uint32_t> used;
  for (std::uint32_t n = 0; n < 100; ++n) used.push_back(hops->look_up(hop_of(n)));
  std::vector<HopMove> moves;
  for (std::uint32_t n = 0; n < 100; ++n) moves.push_back({hop_of(n), hop_of(n, 5)});
  hops->move(moves);
  settle(hops);
  EXPECT_GT(hops->used(), 150U);
  reclaim(hops, used);
  EXPECT_EQ(hops->used(), 101U);
  settle(hops);
  const std::uint32_t entered = hops->used();
  for (std::uint32_t n = 0; n < 100; ++n) {
    EXPECT_EQ(hops->at(hops->look_up(hop_of(n, 5))), hop_of(n, 5));
  }
  EXPECT_EQ(hops->used(), entered) << "each was known";
}

// Against a model: which hop each reference has.
TEST(HopTable, KeepsEveryReferenceThroughRandomOperations) {
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE("LB_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  TestHops hops(256, 1, random());
  std::vector<std::pair<std::uint32_t, ClientHop>> references;
  const auto below = [&](std::size_t bound) {
    return static_cast<std::uint32_t>(random() % bound);
  };
  std::uint64_t refused = 0;
  for (unsigned round = 0; round < test::rounds(20'000); ++round) {
    const std::uint32_t what = below(100);
    const ClientHop hop = hop_of(below(300), static_cast<std::uint16_t>(below(2)));
    if (what < 60) {
      const std::uint32_t index = hops->look_up(hop);
      if (index == HopTable::kNone) {
        ++refused;
      } else {
        references.emplace_back(index, hop);
      }
    } else if (what < 95 && !references.empty()) {
      references[below(references.size())] = references.back();
      references.pop_back();
    } else if (what < 98) {
      const ClientHop to = hop_of(below(300), static_cast<std::uint16_t>(below(2)));
      const std::vector<HopMove> moves = {{hop, to}, {to, hop}};
      hops->move(moves);
      for (auto& [index, now] : references) {
        if (now == hop) {
          now = to;
        } else if (now == to) {
          now = hop;
        }
      }
      if (below(2) == 0) settle(hops);
    } else if (below(8) == 0) {  // so seldom that the table is full now and then
      std::vector<std::uint32_t> used;
      for (const auto& [index, now] : references) used.push_back(index);
      reclaim(hops, used);
      settle(hops);
    }
    if (references.size() > 150) references.resize(20);
    for (const auto& [index, now] : references) ASSERT_EQ(hops->at(index), now) << round;
  }
  EXPECT_GT(refused, 0U) << "the table was never full";
}

}  // namespace
}  // namespace lb
