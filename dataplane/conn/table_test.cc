#include "dataplane/conn/table.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "dataplane/conn/testing/test_table.h"

namespace lb {
namespace {

using test::flow;
using test::nat_conn;
using test::TestTable;

ConnTable::Options options(std::uint32_t max_connections, unsigned workers = 1) {
  return {max_connections, workers, {1, 2, 3, 4}, 0, 0};
}

std::vector<std::uint32_t> timeouts(std::uint32_t ticks) {
  return std::vector<std::uint32_t>(static_cast<std::size_t>(ConnState::kCount), ticks);
}

TEST(ConnTable, FindsBothDirections) {
  TestTable table(options(100));
  NewConn conn = nat_conn(7);
  conn.deltas = {0x1234, 0x5678};
  conn.mode = 1;
  conn.client_hop = table->hops().look_up({0x0042'0102'0304'0506});
  const auto created = table.create(0, conn, ConnState::kSynSent, 5);
  ASSERT_TRUE(created.is_new);
  EXPECT_FALSE(created.full);
  EXPECT_EQ(created.hit.dir, 0U);
  for (const unsigned dir : {0U, 1U}) {
    const Hit hit = table.find(conn.tuple[dir]);
    EXPECT_EQ(hit.record, created.hit.record);
    EXPECT_EQ(hit.dir, dir);
  }
  const Record& record = *created.hit.record;
  EXPECT_EQ(record.tuple[0], conn.tuple[0]);
  EXPECT_EQ(record.tuple[1], conn.tuple[1]);
  EXPECT_EQ(record.deltas.ip, 0x1234);
  EXPECT_EQ(record.deltas.l4, 0x5678);
  EXPECT_EQ(record.rs, conn.rs);
  EXPECT_EQ(record.service, conn.service);
  EXPECT_EQ(record.client_hop.load(), conn.client_hop);
  ConnTable::Copy copy;
  ASSERT_TRUE(table->read(table->index_of(record), copy));
  EXPECT_EQ(copy.client_hop, (ClientHop{0x0042'0102'0304'0506}));
  EXPECT_EQ(record.proto, kProtoTcp);
  EXPECT_EQ(record.mode, 1);
  EXPECT_EQ(record.keys, 2);
  EXPECT_EQ(record.state.load(), ConnState::kSynSent);
  EXPECT_EQ(record.last_seen.load(), 5U);
  EXPECT_EQ(table->live(), 1U);

  EXPECT_FALSE(table.find(conn.tuple[0], kProtoUdp));
  EXPECT_FALSE(table.find(conn.tuple[0].reversed()));
  EXPECT_FALSE(table.find(nat_conn(8).tuple[0]));
}

TEST(ConnTable, TheStagesOfABurstFindWhatFindFinds) {
  TestTable table(options(10'000));
  for (std::uint64_t n = 0; n < 10'000; ++n) ASSERT_TRUE(table.create(0, nat_conn(n)).is_new);
  for (std::uint64_t n = 0; n < 20'000; ++n) {
    const FlowTuple& tuple = nat_conn(n).tuple[n / 2 % 2];
    const std::uint64_t hash = table->hash(tuple, kProtoTcp);
    table->prefetch(hash);
    const std::uint64_t slot = table->probe(hash);
    table->prefetch_record(slot);
    const Hit hit = table->find(slot, tuple, kProtoTcp, hash);
    ASSERT_EQ(static_cast<bool>(hit), n < 10'000);
    if (hit) {
      ASSERT_EQ(hit.record->service, n);
    }
  }
}

TEST(ConnTable, DirectReturnHasOneKey) {
  TestTable table(options(100));
  NewConn conn = nat_conn(1);
  conn.keys = 1;
  ASSERT_TRUE(table.create(0, conn).is_new);
  EXPECT_TRUE(table.find(conn.tuple[0]));
  EXPECT_FALSE(table.find(conn.tuple[1]));
  EXPECT_EQ(table->index_usage().keys, 1U);
  EXPECT_EQ(table->kill(0, table.find(conn.tuple[0]).record), ConnState::kEstablished);
  EXPECT_EQ(table->index_usage().keys, 0U);
}

TEST(ConnTable, TheFirstOfTwoWithTheSameForwardKeyStays) {
  TestTable table(options(100, 2));
  const auto first = table.create(0, nat_conn(1));
  NewConn other = nat_conn(1);
  other.tuple[1].src = Be32::from_host(0x0a00'0063);  // another server was chosen
  const auto second = table.create(1, other);
  EXPECT_FALSE(second.is_new);
  EXPECT_FALSE(second.full);
  EXPECT_EQ(second.hit.record, first.hit.record);
  EXPECT_FALSE(table.find(other.tuple[1]));
  EXPECT_EQ(table->live(), 1U);
  EXPECT_EQ(table->index_usage().keys, 2U);
}

TEST(ConnTable, AReverseKeyBelongsToOneConnection) {
  TestTable table(options(100));
  ASSERT_TRUE(table.create(0, nat_conn(1)).is_new);
  NewConn other = nat_conn(1);
  other.tuple[0].dst =
      Be32::from_host(0xc000'020b);  // another VIP, the same server and client port
  const auto created = table.create(0, other);
  EXPECT_FALSE(created.hit);
  EXPECT_FALSE(created.is_new);
  EXPECT_FALSE(created.full);
  EXPECT_FALSE(table.find(other.tuple[0]));
  EXPECT_EQ(table.find(other.tuple[1]).record, table.find(nat_conn(1).tuple[0]).record);
  EXPECT_EQ(table->index_usage().keys, 2U);
}

TEST(ConnTable, AKilledConnectionsKeysAreFreeAtOnce) {
  TestTable table(options(1));
  for (int i = 0; i < 100; ++i) {
    const auto created = table.create(0, nat_conn(1));
    ASSERT_TRUE(created.is_new) << i;
    EXPECT_EQ(table->kill(0, created.hit.record), ConnState::kEstablished);
    EXPECT_FALSE(table.find(nat_conn(1).tuple[0]));
    EXPECT_FALSE(table.find(nat_conn(1).tuple[1]));
    EXPECT_EQ(table->live(), 0U);
  }
}

TEST(ConnTable, OneOfTwoKillersWins) {
  TestTable table(options(10));
  Record* record = table.create(0, nat_conn(1), ConnState::kUdp).hit.record;
  EXPECT_EQ(table->kill(0, record), ConnState::kUdp);
  EXPECT_EQ(table->kill(0, record), ConnState::kDead);
  EXPECT_FALSE(ConnTable::change_state(*record, ConnState::kUdp, ConnState::kClosed));
}

TEST(ConnTable, ARecordIsNotUsedAgainWithinTheGracePeriod) {
  TestTable table(options(4, 2));
  const auto lapse = timeouts(1'000);
  const auto upkeep = [&](unsigned worker) {
    table->expire(worker, 1, lapse.data(), 10'000, [](Record&, ConnState) {});
  };
  Record* dead = table.create(0, nat_conn(1)).hit.record;
  table->kill(0, dead);
  const auto is_used_again = [&] {
    bool used = false;
    for (std::uint64_t n = 10; n < 14; ++n) used |= table.create(0, nat_conn(n)).hit.record == dead;
    for (std::uint64_t n = 10; n < 14; ++n) table->kill(0, table.find(nat_conn(n).tuple[0]).record);
    return used;
  };
  upkeep(0);
  table.epochs().quiescent(0);
  upkeep(0);
  EXPECT_FALSE(is_used_again());  // worker 1 may still look at it
  table.epochs().quiescent(1);
  upkeep(0);
  EXPECT_TRUE(is_used_again());
}

TEST(ConnTable, HandlesDoNotOutliveTheirConnection) {
  TestTable table(options(1));
  Record* record = table.create(0, nat_conn(1)).hit.record;
  const Handle handle = table->handle_of(*record);
  EXPECT_EQ(table->at(handle), record);
  table->kill(0, record);
  EXPECT_EQ(table->at(handle), nullptr);
  EXPECT_EQ(table->at(table->handle_of(*record)), nullptr);
  table.settle();
  ASSERT_EQ(table.create(0, nat_conn(2)).hit.record, record);
  EXPECT_EQ(table->at(handle), nullptr);
  EXPECT_EQ(table->at(table->handle_of(*record)), record);
  EXPECT_EQ(table->at({table->records(), 1}), nullptr);
}

TEST(ConnTable, TheLimitIsExact) {
  for (const std::uint32_t max : {1U, 37U, 3'000U}) {
    TestTable table(options(max));
    for (std::uint64_t n = 0; n < max; ++n) ASSERT_TRUE(table.create(0, nat_conn(n)).is_new);
    const auto refused = table.create(0, nat_conn(max));
    EXPECT_FALSE(refused.hit);
    EXPECT_TRUE(refused.full);
    EXPECT_EQ(table->live(), max);
    // What is there already is still found by a second first packet.
    const auto known = table.create(0, nat_conn(0));
    EXPECT_FALSE(known.full);
    EXPECT_EQ(known.hit.record, table.find(nat_conn(0).tuple[0]).record);
    // Room made is room for exactly one, in the same burst.
    table->kill(0, known.hit.record);
    EXPECT_TRUE(table.create(0, nat_conn(max)).is_new);
    EXPECT_TRUE(table.create(0, nat_conn(0)).full);
  }
}

TEST(ConnTable, OneWorkerCanFillItAfterAnother) {
  TestTable table(options(2'000, 3));
  for (const unsigned worker : {0U, 2U, 1U}) {
    for (std::uint64_t n = 0; n < 2'000; ++n) {
      if (n % 100 == 0) table.settle();  // the others do their upkeep
      ASSERT_TRUE(table.create(worker, nat_conn(n)).is_new) << worker << ' ' << n;
    }
    EXPECT_TRUE(table.create(worker, nat_conn(2'000)).full);
    for (std::uint64_t n = 0; n < 2'000; ++n) {
      table->kill(worker, table.find(nat_conn(n).tuple[0]).record);
    }
    table.settle();
  }
}

TEST(ConnTable, ANewConnectionThatFindsNoRoomInTheIndexLeavesNothing) {
  ConnTable::Options tiny = options(1'000);
  tiny.buckets = 2;
  tiny.chain_buckets = 1;
  TestTable table(tiny);
  std::uint64_t n = 0;
  while (table.create(0, nat_conn(n)).is_new) ++n;
  EXPECT_EQ(n, 3 * kSlots / 2);  // two keys each; of the last odd place only the reverse key fits
  EXPECT_TRUE(table.create(0, nat_conn(n)).full);
  EXPECT_FALSE(table.find(nat_conn(n).tuple[1]));
  EXPECT_EQ(table->index_usage().keys, 2 * n);
  EXPECT_EQ(table->live(), n);
  for (std::uint64_t m = 0; m < n; ++m) table->kill(0, table.find(nat_conn(m).tuple[0]).record);
  EXPECT_EQ(table->index_usage().keys, 0U);
}

TEST(ConnTable, ExpiresWhatWasNotSeenForItsStatesTimeout) {
  TestTable table(options(100));
  auto lapse = timeouts(100);
  lapse[static_cast<std::size_t>(ConnState::kUdp)] = 30;
  std::vector<std::pair<std::uint32_t, ConnState>> ended;
  std::uint32_t now = 0xffff'ffff - 40;  // the ticks wrap on the way
  const auto expire = [&] {
    return table->expire(0, now, lapse.data(), 10'000, [&](const Record& r, ConnState last) {
      ended.emplace_back(r.service, last);
    });
  };
  table.create(0, nat_conn(1), ConnState::kEstablished, now, now + 100);
  table.create(0, nat_conn(2), ConnState::kUdp, now, now + 30);
  now += 29;
  EXPECT_EQ(expire(), 0U);
  now += 1;
  EXPECT_EQ(expire(), 1U);
  now += 60;
  table.find(nat_conn(1).tuple[0]).record->last_seen.store(now);
  now += 99;
  EXPECT_EQ(expire(), 0U);  // re-armed from the last packet
  now += 1;
  EXPECT_EQ(expire(), 1U);
  EXPECT_EQ(ended, (std::vector<std::pair<std::uint32_t, ConnState>>{
                       {2, ConnState::kUdp}, {1, ConnState::kEstablished}}));
  EXPECT_EQ(table->live(), 0U);
}

TEST(ConnTable, AShorterTimeoutNeedsItsDeadlineSet) {
  TestTable table(options(100));
  auto lapse = timeouts(1'000);
  lapse[static_cast<std::size_t>(ConnState::kClosed)] = 10;
  Record* record = table.create(0, nat_conn(1), ConnState::kEstablished, 1, 1'001).hit.record;
  ASSERT_TRUE(ConnTable::change_state(*record, ConnState::kEstablished, ConnState::kClosed));
  table->set_deadline(*record, 11);
  const auto ignore = [](Record&, ConnState) {};
  EXPECT_EQ(table->expire(0, 10, lapse.data(), 1'000, ignore), 0U);
  EXPECT_EQ(table->expire(0, 11, lapse.data(), 1'000, ignore), 1U);
}

TEST(ConnTable, ExpiryGoesRoundInSlices) {
  TestTable table(options(2'000, 2));
  for (std::uint64_t n = 0; n < 2'000; ++n) {
    table.create(n % 2 == 0 ? 0 : 1, nat_conn(n), ConnState::kUdp, 1, 11);
  }
  const auto lapse = timeouts(10);
  unsigned ended = 0, calls = 0;
  for (; ended < 1'000; ++calls) {
    const unsigned now_ended =
        table->expire(0, 11, lapse.data(), 128, [&](const Record& r, ConnState) {
          EXPECT_EQ(r.service % 2, 0U);
          EXPECT_EQ(r.owner, 0U);
        });
    EXPECT_LE(now_ended, 128U);
    ended += now_ended;
    ASSERT_LT(calls, 100U);
  }
  EXPECT_EQ(calls, 8U);  // 1,000 of 1,024 records in four chunks
  EXPECT_EQ(table->live(), 1'000U);
}

TEST(ConnTable, WalkGivesEachOfItsOwnOnce) {
  TestTable table(options(3'000, 2));
  for (std::uint64_t n = 0; n < 3'000; ++n) table.create(n % 3 == 0 ? 1 : 0, nat_conn(n));
  for (std::uint64_t n = 0; n < 3'000; n += 10) {
    table->kill(0, table.find(nat_conn(n).tuple[0]).record);
  }
  std::set<std::uint32_t> seen;
  for (const unsigned worker : {0U, 1U}) {
    std::size_t cursor = 0;
    do {
      unsigned visits = 0;
      cursor = table->walk(worker, cursor, 33, [&](Record& record) {
        EXPECT_TRUE(seen.insert(record.service).second);
        EXPECT_EQ(record.owner, worker);
        ++visits;
      });
      EXPECT_LE(visits, 33U);
    } while (cursor != 0);
  }
  EXPECT_EQ(seen.size(), 2'700U);
}

TEST(ConnTable, WalkAllGivesEachOfAllWorkersOnce) {
  TestTable table(options(3'000, 3));
  for (std::uint64_t n = 0; n < 3'000; ++n) {
    table.create(static_cast<unsigned>(n % 3), nat_conn(n));
  }
  for (std::uint64_t n = 0; n < 3'000; n += 10) {
    table->kill(0, table.find(nat_conn(n).tuple[0]).record);
  }
  std::set<std::uint32_t> seen;
  std::uint32_t cursor = 0;
  do {
    unsigned visits = 0;
    cursor = table->walk_all(cursor, 33, [&](Record& record) {
      EXPECT_TRUE(seen.insert(record.service).second);
      ++visits;
    });
    EXPECT_LE(visits, 33U);
  } while (cursor != 0);
  EXPECT_EQ(seen.size(), 2'700U);
}

TEST(ConnTable, ReadCopiesLiveConnections) {
  TestTable table(options(100));
  NewConn conn = nat_conn(3);
  conn.mode = 1;
  const Record* record = table.create(0, conn, ConnState::kSynReceived, 42).hit.record;
  ConnTable::Copy copy;
  unsigned found = 0;
  for (std::uint32_t i = 0; i < table->records(); ++i) found += table->read(i, copy);
  EXPECT_EQ(found, 1U);
  ASSERT_TRUE(table->read(table->index_of(*record), copy));
  EXPECT_EQ(copy.tuple[0], conn.tuple[0]);
  EXPECT_EQ(copy.tuple[1], conn.tuple[1]);
  EXPECT_EQ(copy.rs, conn.rs);
  EXPECT_EQ(copy.service, conn.service);
  EXPECT_EQ(copy.last_seen, 42U);
  EXPECT_EQ(copy.state, ConnState::kSynReceived);
  EXPECT_EQ(copy.proto, kProtoTcp);
  EXPECT_EQ(copy.mode, 1);
  table->kill(0, table.find(conn.tuple[0]).record);
  EXPECT_FALSE(table->read(table->index_of(*record), copy));
}

TEST(ConnTable, StatesHaveNames) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(ConnState::kCount); ++i) {
    EXPECT_FALSE(to_string(static_cast<ConnState>(i)).empty());
  }
  EXPECT_EQ(to_string(ConnState::kEstablished), "ESTABLISHED");
  EXPECT_EQ(to_string(ConnState::kDead), "DEAD");
  EXPECT_EQ(to_string(ConnState::kCount), "?");
}

TEST(ConnTable, MemoryPerConnection) {
  constexpr std::uint32_t kConnections = 1'000'000;
  EXPECT_LE(ConnTable::memory_bytes(options(kConnections)), kConnections * std::size_t{110});
  EXPECT_LE(ConnTable::memory_bytes(options(kConnections, 8)), kConnections * std::size_t{110});
}

}  // namespace
}  // namespace lb
