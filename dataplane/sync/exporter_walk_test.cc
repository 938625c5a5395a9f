// What the exporter sends beside changes: the whole table, ranges that met a full ring, and what
// goes on.
#include "dataplane/sync/exporter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "dataplane/sync/testing/master.h"

namespace lb {
namespace {

using test::kinds;
using test::kRefresh;
using test::kTimeout;
using test::Master;
using test::port_set;
using test::ports;
using test::Ports;

// ---- walks

TEST(Exporter, WalkExportsTheWholeTableBetweenMarks) {
  Master master;
  std::set<std::uint16_t> all;
  for (std::uint16_t port = 1; port <= 500; ++port) {
    master.open(port, port % 3 == 0 ? ConnState::kUdp : ConnState::kEstablished, port % 2);
    all.insert(port);
  }
  master.exporter().begin();
  std::vector<SyncEntry> walk = master.fill(2'000);
  EXPECT_TRUE(master.last.walk_begin);
  EXPECT_TRUE(master.last.more);
  EXPECT_FALSE(master.last.walk_end);
  EXPECT_LE(master.last_bytes, 2'000 + kSyncConnBytes);
  unsigned begins = 0;
  while (master.last.more) {
    const auto some = master.fill(2'000);
    begins += master.last.walk_begin ? 1 : 0;
    EXPECT_EQ(master.last.walk_end, !master.last.more);
    walk.insert(walk.end(), some.begin(), some.end());
  }
  EXPECT_EQ(begins, 0U);
  EXPECT_EQ(walk.front().kind, SyncKind::kWalkBegin);
  EXPECT_EQ(walk.back().kind, SyncKind::kWalkEnd);
  EXPECT_EQ(ports(walk).size(), all.size()) << "each once";
  EXPECT_EQ(port_set(walk), all);
  EXPECT_EQ(master.exporter().counters().walks, 1U);
  EXPECT_EQ(master.exporter().counters().walked, 500U);
  EXPECT_EQ(ports(walk, SyncKind::kWalked).size(), 2U) << "both services";
  EXPECT_TRUE(master.fill().empty()) << "what the walk sent is not sent again";
}

TEST(Exporter, ExportsChangesDuringAWalkAndTheWalkEnds) {
  Master master;
  std::vector<Record*> records;
  for (std::uint16_t port = 1; port <= 500; ++port) records.push_back(master.open(port));
  master.exporter().begin();
  std::map<std::uint16_t, ConnState> peer;
  unsigned batches = 0;
  bool walked = false;
  while (!walked && batches < 1'000) {
    // More than a batch takes.
    for (unsigned i = 0; i < 100; ++i) {
      Record* record = records[(batches * 100 + i) % records.size()];
      const bool open = record->state == ConnState::kEstablished;
      master.change(record, open ? ConnState::kFinWait : ConnState::kEstablished);
    }
    for (const SyncEntry& entry : master.fill(1'000)) {
      if (entry.kind == SyncKind::kConn) peer[entry.tuple.sport.host()] = entry.state;
    }
    walked = master.last.walk_end;
    ++batches;
  }
  EXPECT_TRUE(walked);
  EXPECT_GT(master.exporter().counters().changed, 0U);
  for (const SyncEntry& entry : master.fill_all()) peer[entry.tuple.sport.host()] = entry.state;
  for (std::uint16_t port = 1; port <= 500; ++port) {
    EXPECT_EQ(peer.at(port), records[port - 1U]->state) << port;
  }
}

TEST(Exporter, NoServiceIsWalkedThatWasStandbyForAPartOfIt) {
  Master master;
  for (std::uint16_t port = 1; port <= 500; ++port) master.open(port);
  master.exporter().begin();
  auto walk = master.fill(2'000);
  master.spec.services[0].standby = true;
  master.apply();
  const auto rest = master.fill_all(2'000);
  walk.insert(walk.end(), rest.begin(), rest.end());
  EXPECT_EQ(ports(walk).size(), 500U) << "what was created here is sent anyway";
  EXPECT_EQ(std::ranges::count(kinds(walk), SyncKind::kWalked), 1) << "UDP only";
}

TEST(Exporter, BeginAgainStartsAnew) {
  Master master;
  for (std::uint16_t port = 1; port <= 100; ++port) master.open(port);
  master.exporter().begin();
  master.fill(1'000);
  master.open(101);
  master.exporter().begin();
  EXPECT_EQ(master.exporter().pending(), 0U) << "what the walk is going to send";
  const auto walk = master.fill_all();
  EXPECT_EQ(std::ranges::count(kinds(walk), SyncKind::kWalkBegin), 1);
  EXPECT_EQ(std::ranges::count(kinds(walk), SyncKind::kWalkEnd), 1);
  EXPECT_EQ(ports(walk).size(), 101U);
}

TEST(Exporter, EndSilencesUntilBegin) {
  Master master;
  master.join();
  master.exporter().end();
  Record* record = master.open(1);
  EXPECT_TRUE(master.fill().empty());
  EXPECT_FALSE(master.last.more);
  EXPECT_EQ(master.exporter().pending(), 0U);
  master.end(record);
  master.open(2);
  master.exporter().begin();
  const auto walk = master.fill_all();
  EXPECT_EQ(ports(walk), (Ports{2}));
  EXPECT_TRUE(ports(walk, SyncKind::kEnd).empty());
}

// ---- full rings

TEST(Exporter, ChangesThatMetAFullRingAreFoundByTheirRange) {
  Master master({.connections = 20'000, .log_entries = 64});
  std::vector<Record*> records;
  for (std::uint16_t port = 1; port <= 12'000; ++port) records.push_back(master.open(port));
  master.join();
  const std::uint64_t before = master.exporter().counters().lost;
  std::map<std::uint16_t, ConnState> expected;
  for (std::uint16_t port = 1; port <= 12'000; port += 100) {
    master.change(records[port - 1U], ConnState::kFinWait);
    expected[port] = ConnState::kFinWait;
  }
  EXPECT_EQ(master.exporter().counters().lost - before, expected.size() - 64);
  std::map<std::uint16_t, ConnState> told;
  for (const SyncEntry& entry : master.fill_all(500)) {
    EXPECT_TRUE(told.emplace(entry.tuple.sport.host(), entry.state).second) << "twice";
  }
  EXPECT_EQ(told, expected) << "these, and no other of their ranges";
}

// The same range and others are marked while it is being walked again.
TEST(Exporter, RangesMarkedDuringTheirWalkAreWalkedAgain) {
  Master master({.connections = 20'000, .log_entries = 8});
  std::vector<Record*> records;
  for (std::uint16_t port = 1; port <= 15'000; ++port) records.push_back(master.open(port));
  master.join();
  std::map<std::uint16_t, ConnState> told;
  const auto receive = [&](const std::vector<SyncEntry>& entries) {
    for (const SyncEntry& entry : entries) told[entry.tuple.sport.host()] = entry.state;
  };
  ConnState state = ConnState::kFinWait;
  for (unsigned round = 0; round < 40; ++round) {
    state = state == ConnState::kFinWait ? ConnState::kTimeWait : ConnState::kFinWait;
    for (std::size_t i = round * 37 % 500; i < records.size(); i += 500) {
      master.change(records[i], state);
    }
    receive(master.fill(300));
  }
  receive(master.fill_all(300));
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto port = static_cast<std::uint16_t>(i + 1);
    const ConnState now = records[i]->state;
    if (now == ConnState::kEstablished) continue;
    ASSERT_TRUE(told.contains(port)) << port;
    EXPECT_EQ(told[port], now) << port;
  }
}

// A session that ends in the middle of a range leaves nothing behind that the next one skips.
TEST(Exporter, RangesOfTheNextSessionAreWalkedFromTheirBeginning) {
  Master master({.connections = 8'000, .log_entries = 8});
  std::vector<Record*> records;
  for (std::uint16_t port = 1; port <= 3'000; ++port) records.push_back(master.open(port));
  master.join();
  for (std::size_t i = 1'000; i < 1'100; ++i) master.change(records[i], ConnState::kFinWait);
  master.fill(1'000);
  EXPECT_TRUE(master.last.more);
  master.join();
  for (std::size_t i = 0; i < 20; ++i) master.change(records[i], ConnState::kFinWait);
  EXPECT_EQ(port_set(master.fill_all()).size(), 20U);
}

TEST(Exporter, RepeatsLostEndsByAWholeWalk) {
  Master master({.connections = 2'000, .log_entries = 16});
  std::vector<Record*> records;
  for (std::uint16_t port = 1; port <= 200; ++port) records.push_back(master.open(port));
  master.join();
  for (std::size_t i = 0; i < 50; ++i) master.end(records[i]);
  EXPECT_EQ(master.exporter().counters().lost_ends, 50U - 16);
  const auto first = master.fill_all();
  EXPECT_EQ(ports(first, SyncKind::kEnd).size(), 16U);
  EXPECT_EQ(master.exporter().counters().walks, 1U) << "not before ten seconds after the last";
  master.now += 100;
  const auto walk = master.fill_all();
  EXPECT_EQ(master.exporter().counters().walks, 2U);
  EXPECT_EQ(walk.front().kind, SyncKind::kWalkBegin);
  EXPECT_EQ(ports(walk).size(), 150U);
  EXPECT_EQ(walk.back().kind, SyncKind::kWalkEnd);
  EXPECT_FALSE(master.last.walk_begin) << "the peer lacks nothing, it has some too many";
  master.now += 200;
  master.fill_all();
  EXPECT_EQ(master.exporter().counters().walks, 2U) << "once";
}

TEST(Exporter, EndsThatWereLostForThePeerBeforeDoNotConcernTheNext) {
  Master master({.connections = 2'000, .log_entries = 16});
  std::vector<Record*> records;
  for (std::uint16_t port = 1; port <= 50; ++port) records.push_back(master.open(port));
  master.join();
  for (Record* record : records) master.end(record);
  master.join();
  master.now += 200;
  master.fill_all();
  EXPECT_EQ(master.exporter().counters().walks, 2U) << "one per session";
}

// ---- refresh

// Fills every tick for a while; how often each connection was sent, and the longest time between
// two of those.
struct Refreshes {
  std::map<std::uint16_t, unsigned> count;
  std::map<std::uint16_t, std::uint32_t> longest_gap;
};
Refreshes run(Master& master, std::uint32_t ticks, const std::vector<Record*>& active) {
  Refreshes result;
  std::map<std::uint16_t, std::uint32_t> at;
  const std::uint32_t start = master.now;
  for (std::uint32_t tick = 0; tick < ticks; ++tick) {
    ++master.now;
    for (Record* record : active) record->last_seen = master.now;
    for (const std::uint16_t port : ports(master.fill_all())) {
      const std::uint32_t before = at.contains(port) ? at[port] : start;
      result.longest_gap[port] = std::max(result.longest_gap[port], master.now - before);
      at[port] = master.now;
      ++result.count[port];
    }
  }
  return result;
}

TEST(Exporter, RefreshesActiveConnectionsAndNotIdleOnes) {
  Master master;
  std::vector<Record*> active;
  for (std::uint16_t port = 1; port <= 100; ++port) {
    Record* record = master.open(port, port % 2 == 0 ? ConnState::kEstablished : ConnState::kUdp);
    if (port <= 60) active.push_back(record);
  }
  master.join();
  master.now += kTimeout;  // the silent ones were seen long ago
  const Refreshes told = run(master, 10 * kRefresh, active);
  for (std::uint16_t port = 1; port <= 60; ++port) {
    ASSERT_TRUE(told.count.contains(port)) << port;
    EXPECT_LE(told.longest_gap.at(port), kRefresh + 2) << port;
    EXPECT_LE(told.count.at(port), 11U) << port << ": no more often than needed";
  }
  EXPECT_EQ(told.count.size(), 60U) << "idle ones are not sent";
}

// The last packet of one that becomes idle is sent too, with its age.
TEST(Exporter, ExportsTheTimeOfTheLastPacket) {
  Master master;
  Record* record = master.open(1);
  master.join();
  master.now += kTimeout;
  record->last_seen = master.now;
  std::uint32_t exported_last_seen = 0;
  for (std::uint32_t tick = 0; tick < 3 * kRefresh; ++tick) {
    ++master.now;
    for (const SyncEntry& entry : master.fill()) exported_last_seen = master.now - entry.age_ticks;
  }
  EXPECT_EQ(exported_last_seen, record->last_seen);
}

// Each state in its own time: long-lived ones are not sent in the time of the shortest-lived.
TEST(Exporter, RefreshesEveryStateInAThirdOfItsLifetime) {
  Master master;
  ConnTimeouts& timeouts = master.spec.timeouts;
  timeouts.tcp_established = test::ticks(9'000);
  timeouts.tcp_fin_wait = test::ticks(1'200);
  timeouts.tcp_close_wait = test::ticks(600);
  timeouts.udp = test::ticks(3'000);
  master.apply();
  const std::vector<Record*> active = {
      master.open(1, ConnState::kEstablished), master.open(2, ConnState::kFinWait),
      master.open(3, ConnState::kCloseWait), master.open(4, ConnState::kUdp)};
  master.join();
  const Refreshes told = run(master, 6'000, active);
  const auto gap = [&](std::uint16_t port) { return told.longest_gap.at(port); };
  EXPECT_LE(gap(1), 602U) << "at most a minute";
  EXPECT_LE(gap(2), 402U);
  EXPECT_LE(gap(3), 202U);
  EXPECT_LE(gap(4), 602U);
  EXPECT_LE(told.count.at(1), 11U);
}

TEST(Exporter, ARefreshThatHadNoRoomIsMadeUpFor) {
  Master master;
  std::vector<Record*> active;
  for (std::uint16_t port = 1; port <= 800; ++port) active.push_back(master.open(port));
  master.join();
  master.now += kTimeout;
  for (Record* record : active) record->last_seen = master.now;
  std::set<std::uint16_t> told;
  for (unsigned batch = 0; batch < 200; ++batch) {
    for (const std::uint16_t port : ports(master.fill(200))) told.insert(port);
    EXPECT_LE(master.last_bytes, 200 + kSyncConnBytes);
  }
  EXPECT_EQ(told.size(), 800U);
}

}  // namespace
}  // namespace lb
