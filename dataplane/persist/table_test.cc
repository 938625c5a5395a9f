#include "dataplane/persist/table.h"

#include <gtest/gtest.h>

#include <vector>

namespace lb {
namespace {

constexpr std::uint32_t kTicks = 100;

PersistKey client(std::uint32_t n, std::uint32_t scope = 1) {
  return {scope, Be32::from_host(0xc633'6400 + n)};
}
PersistServer server(std::uint32_t n) {
  return {Be32::from_host(0x0a00'000a + n), Be16::from_host(80)};
}
PersistUse use(std::uint32_t n, std::uint32_t to, std::uint32_t service = 0) {
  return {client(n), server(to), service, kTicks};
}

class PersistTableTest : public testing::Test {
 protected:
  // Small enough for one shard.
  PersistTableTest() { table.prepare(); }

  std::uint32_t where(const PersistKey& key, std::uint32_t now) {
    PersistServer found;
    return table.find(key, now, found) ? found.address.host() - 0x0a00'000a : 0;
  }
  std::vector<PersistRow> exported() {
    std::vector<PersistRow> all(100);
    all.resize(table.take_changed(all));
    return all;
  }
  std::vector<PersistRow> rows(std::uint32_t now) {
    std::vector<PersistRow> all;
    std::uint32_t cursor = 0;
    do {
      PersistRow part[PersistTable::kSlice];
      const std::size_t count = table.read(cursor, now, part);
      all.insert(all.end(), part, part + count);
    } while (cursor != 0);
    return all;
  }
  void sweep(std::uint32_t now) {
    std::uint32_t cursor = 0;
    do {
      cursor = table.sweep(cursor, now, [](const PersistRow&) { return false; });
    } while (cursor != 0);
  }

  PersistTable table{{.max_entries = 4}};
};

TEST_F(PersistTableTest, TakesNoMemoryBeforeItIsNeeded) {
  PersistTable idle({});
  EXPECT_FALSE(idle.ready());
  EXPECT_EQ(idle.entries(), 0u);
  PersistRow row[1];
  EXPECT_EQ(idle.take_changed(row), 0u);
  EXPECT_TRUE(idle.prepare());
  EXPECT_TRUE(idle.ready());
}

TEST_F(PersistTableTest, TheFirstClaimCounts) {
  EXPECT_EQ(table.claim(use(1, 1), nullptr, 0), server(1));
  EXPECT_EQ(table.claim(use(1, 2), nullptr, 0), server(1));
  EXPECT_EQ(where(client(1), 0), 1u);
  EXPECT_EQ(where(client(2), 0), 0u);
  EXPECT_EQ(where(client(1, 2), 0), 0u) << "another scope";
}

TEST_F(PersistTableTest, AnUnfitServerIsReplacedOnce) {
  table.claim(use(1, 1), nullptr, 0);
  const PersistServer down = server(1);
  EXPECT_EQ(table.claim(use(1, 2), &down, 0), server(2));
  EXPECT_EQ(table.claim(use(1, 3), &down, 0), server(2)) << "somebody else did it already";
}

TEST_F(PersistTableTest, EachConnectionStartsTheTimeAgain) {
  table.claim(use(1, 1), nullptr, 0);
  table.renew(use(1, 1), 60);
  EXPECT_EQ(where(client(1), 159), 1u);
  EXPECT_EQ(where(client(1), 160), 0u);
  EXPECT_EQ(table.claim(use(1, 2), nullptr, 160), server(2)) << "free to go elsewhere";
}

TEST_F(PersistTableTest, AConnectionToAnotherServerKeepsNothing) {
  table.claim(use(1, 1), nullptr, 0);
  table.renew(use(1, 2), 60);
  table.confirm(use(1, 2), 60);
  EXPECT_EQ(where(client(1), 100), 0u);
}

TEST_F(PersistTableTest, TimeWrapsAround) {
  table.claim(use(1, 1), nullptr, 0xffff'fff0);
  EXPECT_EQ(where(client(1), 0x50), 1u);
  EXPECT_EQ(where(client(1), 0x60), 0u);
}

TEST_F(PersistTableTest, SweepsExpiredEntries) {
  table.claim(use(1, 1), nullptr, 0);
  table.claim(use(2, 1), nullptr, 50);
  sweep(100);
  EXPECT_EQ(table.entries(), 1u);
  EXPECT_EQ(rows(100).at(0).key, client(2));
}

TEST_F(PersistTableTest, TheLeastRecentlyUsedGoesWhenItIsFull) {
  for (std::uint32_t n = 1; n <= 4; ++n) table.claim(use(n, 1), nullptr, n);
  table.renew(use(1, 1), 5);
  table.claim(use(5, 1), nullptr, 6);
  EXPECT_EQ(table.evicted(), 1u);
  EXPECT_EQ(table.entries(), 4u);
  EXPECT_EQ(where(client(2), 6), 0u);
  EXPECT_EQ(where(client(1), 6), 1u);
}

TEST_F(PersistTableTest, KeepsClientsWithConnectionsInAFlood) {
  table.claim(use(1, 1), nullptr, 0);
  table.confirm(use(1, 1), 1);
  for (std::uint32_t n = 2; n < 100; ++n) table.claim(use(n, 1), nullptr, 2);
  EXPECT_EQ(where(client(1), 2), 1u);
  EXPECT_EQ(table.evicted(), 95u);
}

TEST_F(PersistTableTest, ExportsChangesOnceAndLate) {
  table.begin_export();
  table.claim(use(1, 1), nullptr, 0);
  table.renew(use(1, 1), 1);
  ASSERT_EQ(exported().size(), 1u);
  EXPECT_TRUE(exported().empty());
  table.renew(use(1, 1), 5);
  EXPECT_TRUE(exported().empty()) << "the peer's copy is good for nearly as long";
  table.renew(use(1, 1), 20);
  ASSERT_EQ(exported().size(), 1u);
  const PersistServer down = server(1);
  table.claim(use(1, 2), &down, 20);
  ASSERT_EQ(exported().size(), 1u);
}

TEST_F(PersistTableTest, NobodyListens) {
  table.claim(use(1, 1), nullptr, 0);
  EXPECT_TRUE(exported().empty());
  table.begin_export();
  table.claim(use(2, 1), nullptr, 0);
  table.end_export();
  EXPECT_TRUE(exported().empty());
}

TEST_F(PersistTableTest, ExportsFlushedEntriesBeforeTheyGo) {
  std::uint64_t count = 0;
  const auto first = [](const PersistRow& row) { return row.key == client(1); };
  table.begin_export();
  table.claim(use(1, 1), nullptr, 0);
  table.claim(use(2, 1), nullptr, 0);
  exported();
  EXPECT_EQ(table.flush(0, 1, count, first), 0u);
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(where(client(1), 1), 0u);
  EXPECT_EQ(rows(1).size(), 1u);
  sweep(1);
  const auto ended = exported();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_TRUE(ended[0].ended);
  EXPECT_EQ(table.entries(), 1u);

  table.end_export();
  table.flush(0, 1, count, [](const PersistRow&) { return true; });
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(table.entries(), 0u) << "nothing has to be exported";
}

TEST_F(PersistTableTest, AFlushedClientMayComeBackAtOnce) {
  std::uint64_t count = 0;
  table.begin_export();
  table.claim(use(1, 1), nullptr, 0);
  table.flush(0, 0, count, [](const PersistRow&) { return true; });
  table.claim(use(1, 2), nullptr, 0);
  const auto now = exported();
  ASSERT_EQ(now.size(), 1u);
  EXPECT_FALSE(now[0].ended);
  EXPECT_EQ(now[0].server, server(2));
}

TEST_F(PersistTableTest, ImportsFromThePeer) {
  using Imported = PersistTable::Imported;
  EXPECT_EQ(table.import(use(1, 1), 40, 1, true, 0), Imported::kTaken);
  EXPECT_EQ(where(client(1), 39), 1u);
  EXPECT_EQ(where(client(1), 40), 0u);
  EXPECT_EQ(table.import(use(1, 2), 40, 1, true, 0), Imported::kTaken);
  EXPECT_EQ(where(client(1), 0), 2u);
  EXPECT_EQ(table.import(use(1, 3), 40, 1, false, 0), Imported::kKept);
  EXPECT_EQ(table.import(use(2, 3), 4'000, 1, false, 0), Imported::kTaken) << "not known here";
  EXPECT_EQ(where(client(2), 100), 0u) << "no longer than ours may live";
  EXPECT_TRUE(rows(0).at(0).imported);
  table.renew(use(1, 2), 1);
  EXPECT_FALSE(rows(1).at(0).imported) << "used here";
  EXPECT_TRUE(table.remove(client(1)));
  EXPECT_FALSE(table.remove(client(1)));
}

TEST(PersistTableShards, HoldAllThatWasAskedFor) {
  PersistTable table({.max_entries = 50'000});
  ASSERT_TRUE(table.prepare());
  for (std::uint32_t n = 0; n < 50'000; ++n) {
    table.claim({{1, Be32::from_host(n)}, server(n % 7), 0, kTicks}, nullptr, 0);
  }
  EXPECT_EQ(table.entries(), 50'000u);
  EXPECT_EQ(table.evicted(), 0u);
  for (std::uint32_t n = 0; n < 50'000; ++n) {
    PersistServer found;
    ASSERT_TRUE(table.find({1, Be32::from_host(n)}, 0, found));
    ASSERT_EQ(found, server(n % 7));
  }
}

}  // namespace
}  // namespace lb
