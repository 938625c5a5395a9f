#include "dataplane/forward/shedder.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "config/base/testing/randomised.h"
#include "dataplane/conn/testing/test_table.h"

namespace lb {
namespace {

constexpr std::uint32_t kShedNow = 10'000;
constexpr std::uint32_t kForever = 1U << 30;

// A table of one worker; three services, of whose shares the first two make use.
class ShedderTest : public testing::Test {
 protected:
  explicit ShedderTest(std::uint32_t room = 64) : table_({room, 1, {1, 2, 3, 4}}) {
    counters_.make_slots(8);
    snapshot_.services.resize(3);
  }

  void keep(std::uint32_t service, std::uint32_t percent) {
    snapshot_.services[service].table_share_ppm = percent * 10'000;
    snapshot_.table_share_ppm += percent * 10'000;
  }
  // Null: no room.
  Record* add(ConnState state, std::uint32_t idle, std::uint32_t service = 0) {
    NewConn conn = test::nat_conn(made_++);
    conn.service = service;
    return add(conn, state, idle);
  }
  Record* add_proxied(ConnState state, std::uint32_t idle) {
    table_->set_proxied(proxied_.data());
    const ProxiedClient client;
    NewConn conn = test::nat_conn(made_++);
    conn.proxied = &client;
    return add(conn, state, idle);
  }
  Record* add(const NewConn& conn, ConnState state, std::uint32_t idle) {
    const auto created = table_.create(0, conn, state, kShedNow - idle, kShedNow + kForever);
    if (!created.is_new) return nullptr;
    counters_.service_connections[conn.service].add(1);
    return created.hit.record;
  }
  void end(Record* record) {
    counters_.service_connections[record->service].add(-1);
    table_->kill(0, record);
  }
  Record* choose(std::uint32_t service = 0, std::uint32_t now = kShedNow) {
    const auto victim = shedder_.choose(service, now);
    if (!victim) return nullptr;
    EXPECT_EQ(victim->kind, shed_class(*victim->record, victim->record->state.load()));
    return victim->record;
  }
  void survey() { shares_.survey(snapshot_); }

  test::TestTable table_;
  WorkerCounters counters_;
  Snapshot snapshot_;
  Load load_{{&counters_}};
  TableShares shares_{*table_, load_};
  Shedder shedder_{0, 1, *table_, shares_};
  std::uint64_t made_ = 0;
  std::vector<ProxiedConn> proxied_{table_->records()};
};

TEST_F(ShedderTest, ChoosesByClassThenByIdleTime) {
  // From what goes first to what stays.
  const std::vector<std::pair<ConnState, std::uint32_t>> order = {
      {ConnState::kSynReceived, 14},
      {ConnState::kSynSent, 13},
      {ConnState::kSynSent, Shedder::kYoungTicks},
      {ConnState::kUdpUnanswered, 19},
      {ConnState::kUdpUnanswered, 11},
      {ConnState::kHandshake, 15},
      {ConnState::kHandshake, Shedder::kYoungTicks},
      {ConnState::kUdpUnanswered, Shedder::kYoungTicks - 1},  // young: by age alone
      {ConnState::kHandshake, 5},
      {ConnState::kSynSent, 4},
      {ConnState::kUdpUnanswered, 0},
      {ConnState::kTimeWait, 7},
      {ConnState::kTimeWait, 2},
      {ConnState::kUdp, 900},
      {ConnState::kEstablished, 500},
      {ConnState::kFinWait, Shedder::kIdleTicks},
  };
  std::vector<Record*> records(order.size());
  for (std::size_t i = order.size(); i-- > 0;) records[i] = add(order[i].first, order[i].second);
  add(ConnState::kEstablished, Shedder::kIdleTicks - 1);
  add(ConnState::kUdp, 0);
  add(ConnState::kCloseWait, 0);
  for (std::size_t i = 0; i < records.size(); ++i) {
    ASSERT_EQ(choose(), records[i]) << i;
    end(records[i]);
  }
  EXPECT_EQ(choose(), nullptr);
  EXPECT_EQ(table_->live(), 3u);
}

TEST_F(ShedderTest, EqualOnesGoInTheOrderOfTheHand) {
  std::vector<Record*> records;
  for (int i = 0; i < 10; ++i) records.push_back(add(ConnState::kSynSent, 0));
  for (Record* record : records) {
    EXPECT_EQ(choose(), record);
    end(record);
  }
}

TEST_F(ShedderTest, WhatChangedSinceItWasFoundStays) {
  Record* const first = add(ConnState::kSynSent, 9);
  Record* const second = add(ConnState::kSynSent, 8);
  add(ConnState::kSynSent, 7);
  Record* const last = add(ConnState::kSynSent, 6);
  ASSERT_EQ(choose(), first);
  end(first);
  ConnTable::change_state(*second, ConnState::kSynSent, ConnState::kEstablished);
  Record* const third = choose();
  ASSERT_NE(third, second);
  end(third);
  EXPECT_EQ(choose(), last);
}

TEST_F(ShedderTest, WhatWasFoundIsForgottenWithTheTick) {
  for (int i = 0; i < 8; ++i) add(ConnState::kUdpUnanswered, 20);
  ASSERT_NE(choose(), nullptr);
  Record* const half_open = add(ConnState::kSynSent, Shedder::kYoungTicks);
  EXPECT_EQ(choose(0, kShedNow + 1), half_open);
}

TEST_F(ShedderTest, BoundsTheSearchesInVain) {
  add(ConnState::kEstablished, 0);
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(choose(), nullptr);
  Record* const half_open = add(ConnState::kSynSent, 0);
  EXPECT_EQ(choose(), nullptr) << "not before the next tick";
  EXPECT_EQ(choose(0, kShedNow + 1), half_open);
}

TEST_F(ShedderTest, InDrModeWhatTheClientHasClosedGoesWhenItIsSilent) {
  add(ConnState::kUdp, 500);
  Record* const nat = add(ConnState::kFinWait, Shedder::kClosedTicks);
  Record* const busy = add(ConnState::kFinWait, Shedder::kClosedTicks - 1);
  Record* const silent = add(ConnState::kFinWait, Shedder::kClosedTicks);
  busy->keys = silent->keys = 1;
  EXPECT_EQ(choose(), silent);
  EXPECT_EQ(shed_class(*silent, ConnState::kFinWait), ShedClass::closed);
  EXPECT_EQ(shed_class(*nat, ConnState::kFinWait), ShedClass::idle);
}

TEST_F(ShedderTest, KeepsMoreThanHalfOfTheTable) {
  keep(0, 20);
  keep(1, 60);
  unsigned taken = 0;
  for (survey(); taken < 64 && shares_.admits(0, snapshot_); survey()) {
    ASSERT_NE(add(ConnState::kEstablished, 0), nullptr);
    ++taken;
  }
  EXPECT_EQ(table_->room(), 38) << "what is kept for the other one";
}

TEST_F(ShedderTest, WhatAServerHasRefusedGoesAtOnce) {
  Record* const reset = add(ConnState::kClosed, Shedder::kClosedTicks);
  set_progress(*reset, 1, Progress::at(1));
  EXPECT_EQ(choose(), nullptr) << "a stranger may have sent the reset";
  Record* const refused = add(ConnState::kClosed, 0);
  EXPECT_EQ(choose(0, kShedNow + 1), refused);
}

// Its client has proven its address, which that of a half-open one has not.
TEST_F(ShedderTest, WhatASynProxyOpensGoesAfterHalfOpenOnes) {
  Record* const proxied = add_proxied(ConnState::kSynSent, 100);
  Record* const half_open = add(ConnState::kSynReceived, 20);
  EXPECT_EQ(choose(), half_open);
  end(half_open);
  Record* const unanswered = add(ConnState::kUdpUnanswered, 20);
  EXPECT_EQ(choose(0, kShedNow + 1), unanswered);
  end(unanswered);
  EXPECT_EQ(shed_class(*proxied, ConnState::kSynSent), ShedClass::handshake);
  EXPECT_EQ(choose(0, kShedNow + 2), proxied);
  EXPECT_EQ(shed_class(*proxied, ConnState::kSynReceived), ShedClass::half_open);
}

// What is kept of its numbers is inverted in the record.
TEST_F(ShedderTest, ReadsTheNumbersOfProxiedConnections) {
  Record* const proxied = add_proxied(ConnState::kClosed, 0);
  EXPECT_EQ(shed_class(*proxied, ConnState::kClosed), ShedClass::closed);
  set_progress(*proxied, 1, Progress::at(1));
  EXPECT_EQ(progress_of(*proxied, 1), Progress::at(1));
  EXPECT_EQ(shed_class(*proxied, ConnState::kClosed), ShedClass::idle);
}

TEST_F(ShedderTest, ACopyThatTheClientHasClosedMayBeInUseAtThePeer) {
  Record* const copy = add(ConnState::kFinWait, Shedder::kClosedTicks);
  copy->keys = 1;
  copy->import_epoch.store(1);
  EXPECT_EQ(choose(), nullptr);
  copy->import_epoch.store(0);
  EXPECT_EQ(choose(0, kShedNow + 1), copy);
}

TEST_F(ShedderTest, ACopyOfThePeersMayBeInUseThere) {
  Record* const copy = add(ConnState::kEstablished, Shedder::kIdleTicks + 500);
  copy->import_epoch.store(1);
  EXPECT_EQ(choose(), nullptr);
  EXPECT_EQ(choose(0, kShedNow + 100), copy);
}

TEST_F(ShedderTest, TakesNothingFromAServiceWithinItsShare) {
  keep(0, 10);
  keep(1, 10);  // six places each
  Record* const own = add(ConnState::kUdpUnanswered, 0, 0);
  for (int i = 0; i < 6; ++i) add(ConnState::kSynSent, 5, 1);
  survey();
  EXPECT_EQ(choose(0), own) << "though the others' would go before it";
  end(own);
  EXPECT_EQ(choose(0), nullptr);
  Record* const seventh = add(ConnState::kSynSent, 9, 1);
  for (int i = 0; i < 40; ++i) add(ConnState::kEstablished, 0, 0);
  survey();
  EXPECT_EQ(choose(0, kShedNow + 1), seventh);
}

TEST_F(ShedderTest, WhatIsKeptForAServiceIsItsAlone) {
  keep(0, 25);
  keep(1, 25);  // 16 each
  const auto fill = [&](std::uint32_t service) {
    int made = 0;
    for (; shares_.admits(service, snapshot_); ++made) {
      if (add(ConnState::kEstablished, 0, service) == nullptr) break;
      survey();
    }
    return made;
  };
  EXPECT_EQ(fill(0), 48) << "its own and what is nobody's";
  EXPECT_EQ(fill(2), 0) << "nothing is kept for it";
  EXPECT_EQ(fill(1), 16);
  EXPECT_EQ(table_->live(), 64u);
}

TEST_F(ShedderTest, AServiceAloneHasTheWholeTable) {
  keep(0, 20);
  int made = 0;
  for (; shares_.admits(0, snapshot_) && add(ConnState::kEstablished, 0); ++made) survey();
  EXPECT_EQ(made, 64);
}

// A table that is larger than what a search sees.
class LargeShedderTest : public ShedderTest {
 protected:
  LargeShedderTest() : ShedderTest(20'000) {}
};

TEST_F(LargeShedderTest, FindsWhatMayGoWhereverItIs) {
  for (int i = 0; i < 19'000; ++i) add(ConnState::kEstablished, 0);
  Record* const only = add(ConnState::kSynSent, 0);
  for (std::uint32_t tick = 0; tick < 2; ++tick) {
    for (int i = 0; i < 100; ++i) {
      if (choose(0, kShedNow + tick) == only) return;
    }
  }
  FAIL() << "not found";
}

TEST_F(LargeShedderTest, NeverChoosesWhatCarriedDataLately) {
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE("LB_SEED=" + std::to_string(seed));
  std::mt19937 engine(seed);
  const auto random = [&engine](std::uint32_t below) {
    return static_cast<std::uint32_t>(engine() % below);
  };
  constexpr ConnState kStates[] = {ConnState::kSynSent,       ConnState::kEstablished,
                                   ConnState::kFinWait,       ConnState::kTimeWait,
                                   ConnState::kClosed,        ConnState::kUdp,
                                   ConnState::kUdpUnanswered, ConnState::kHandshake};
  while (add(kStates[random(std::size(kStates))], random(600)) != nullptr) {
  }
  std::uint32_t now = kShedNow;
  for (unsigned i = 0; i < test::rounds(100'000); ++i) {
    if (random(32) == 0) now += random(3);
    const auto victim = shedder_.choose(0, now);
    if (!victim) continue;
    const ConnState state = victim->record->state.load();
    ASSERT_TRUE(is_live(state));
    if (shed_class(*victim->record, state) == ShedClass::idle) {
      ASSERT_GE(now - victim->record->last_seen.load(), Shedder::kIdleTicks);
    }
    end(victim->record);
    if (i % 64 == 0) table_.settle();
    NewConn conn = test::nat_conn(made_++);
    conn.service = 0;
    table_.create(0, conn, kStates[random(std::size(kStates))], now, now + kForever);
  }
}

}  // namespace
}  // namespace lb
