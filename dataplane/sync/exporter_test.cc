#include "dataplane/sync/exporter.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/sync/testing/master.h"

namespace lb {
namespace {

using test::flow;
using test::kinds;
using test::kRefresh;
using test::kServer;
using test::kVip;
using test::Master;
using test::port_set;
using test::ports;
using test::Ports;

// ---- changes and ends

TEST(Exporter, ExportsNothingBeforeAPeerJoins) {
  Master master;
  master.open(1);
  EXPECT_TRUE(master.fill().empty());
  EXPECT_EQ(master.exporter().pending(), 0U);
}

TEST(Exporter, ExportsAllThatThePeerNeeds) {
  Master master;
  master.join();
  Record* record = master.open(7, ConnState::kCloseWait);
  const std::uint8_t mac[] = {2, 0, 0, 0, 1, 0};
  record->client_hop = master.table().hops().look_up(ClientHop::make(mac, 5, 0));
  record->last_seen = master.now - 30;
  const auto told = master.fill();
  ASSERT_EQ(told.size(), 1U);
  SyncEntry expected;
  expected.proto = kProtoTcp;
  expected.tuple = flow(0xc6336407, 7, kVip, 80);
  expected.sync_id = sync_id_of(master.table().handle_of(*record));
  expected.state = ConnState::kCloseWait;
  expected.rs_address = Be32::from_host(kServer);
  expected.rs_port = Be16::from_host(8'080);
  expected.age_ticks = 30;
  expected.client_hop = ClientHop::make(mac, 5, 0);
  EXPECT_EQ(told[0], expected);
  EXPECT_TRUE(master.fill().empty()) << "once";
}

TEST(Exporter, AWorkerMayBeATickAhead) {
  Master master;
  master.join();
  master.open(1)->last_seen = master.now + 1;
  EXPECT_EQ(master.fill().at(0).age_ticks, 0U);
}

TEST(Exporter, ExportsTheLastOfSeveralChanges) {
  Master master;
  master.join();
  Record* record = master.open(1);
  master.change(record, ConnState::kFinWait, 1);
  master.change(record, ConnState::kTimeWait, 0);
  const auto told = master.fill();
  ASSERT_EQ(ports(told), (Ports{1}));
  EXPECT_EQ(told[0].state, ConnState::kTimeWait);
  EXPECT_TRUE(master.fill().empty());
  EXPECT_EQ(master.exporter().counters().changed, 1U);
}

TEST(Exporter, DoesNotExportHalfOpenConnections) {
  Master master;
  Record* record = master.open(1, ConnState::kSynSent);
  master.exporter().begin();
  EXPECT_TRUE(ports(master.fill_all()).empty()) << "nor by the walk";
  master.change(record, ConnState::kSynReceived);
  master.now += kRefresh;
  EXPECT_TRUE(master.fill().empty()) << "nor by the refresh";
  master.change(record, ConnState::kEstablished);
  EXPECT_EQ(ports(master.fill()), (Ports{1}));
}

TEST(Exporter, DoesNotExportUdpThatNoServerHasAnswered) {
  Master master;
  Record* record = master.open(1, ConnState::kUdpUnanswered);
  master.exporter().begin();
  EXPECT_TRUE(ports(master.fill_all()).empty()) << "nor by the walk";
  // Whatever a ring or a mark may hold of it.
  master.log().changed(master.table().handle_of(*record));
  EXPECT_TRUE(master.fill().empty()) << "nor as a change";
  master.now += kRefresh;
  record->last_seen = master.now;
  EXPECT_TRUE(master.fill().empty()) << "nor by the refresh";
  master.end(master.open(2, ConnState::kUdpUnanswered));
  EXPECT_TRUE(master.fill().empty()) << "nor its end";
  master.change(record, ConnState::kUdp);
  EXPECT_EQ(ports(master.fill()), (Ports{1}));
  master.end(record);
  EXPECT_EQ(ports(master.fill(), SyncKind::kEnd), (Ports{1}));
}

TEST(Exporter, NorWhenThePeerTakesOver) {
  Master master;
  master.join();
  master.open(1, ConnState::kUdpUnanswered);
  master.spec.services[1].standby = true;
  master.apply();
  EXPECT_TRUE(master.fill().empty());
}

// Nothing would tell it from a real one there.
TEST(Exporter, ExportsAHandshakeAsHalfOpen) {
  Master master;
  master.join();
  Record* record = master.open(1, ConnState::kHandshake);
  auto told = master.fill();
  ASSERT_EQ(ports(told), (Ports{1}));
  EXPECT_EQ(told[0].state, ConnState::kSynReceived);
  EXPECT_TRUE(master.fill().empty()) << "once";
  master.change(record, ConnState::kEstablished);
  told = master.fill();
  ASSERT_EQ(ports(told), (Ports{1}));
  EXPECT_EQ(told[0].state, ConnState::kEstablished);
  Record* other = master.open(2, ConnState::kHandshake);
  master.fill();
  master.end(other);
  EXPECT_EQ(ports(master.fill(), SyncKind::kEnd), (Ports{2}));
}

TEST(Exporter, DoesNotExportTheEndOfAHalfOpenConnection) {
  Master master;
  master.join();
  master.end(master.open(1, ConnState::kSynSent));
  EXPECT_TRUE(master.fill().empty());
}

TEST(Exporter, ExportsEnds) {
  Master master;
  master.join();
  Record* record = master.open(1);
  const Handle handle = master.table().handle_of(*record);
  master.fill();
  master.end(record, 1);
  const auto told = master.fill();
  ASSERT_EQ(kinds(told), (std::vector{SyncKind::kEnd}));
  EXPECT_EQ(told[0].tuple, flow(0xc6336407, 1, kVip, 80));
  EXPECT_EQ(told[0].proto, kProtoTcp);
  EXPECT_EQ(told[0].sync_id, sync_id_of(handle));
  EXPECT_EQ(master.exporter().counters().ended, 1U);
}

TEST(Exporter, DoesNotExportAConnectionThatCameAndWent) {
  Master master;
  master.join();
  master.end(master.open(1));
  master.end(master.open(2, ConnState::kUdp, 1), 0);
  EXPECT_TRUE(master.fill().empty());
  // Nor when its record is another's already, which is exported.
  master.end(master.open(3));
  master.open(4);
  EXPECT_EQ(kinds(master.fill()), (std::vector{SyncKind::kConn}));
}

// The same client's port again: the peer must not take the old one's end for the new one's.
TEST(Exporter, ExportsAnEndBeforeTheNextConnection) {
  Master master;
  master.join();
  Record* first = master.open(1);
  const std::uint16_t first_id = master.fill().at(0).sync_id;
  master.end(first);
  master.open(1);
  const auto told = master.fill();
  ASSERT_EQ(kinds(told), (std::vector{SyncKind::kEnd, SyncKind::kConn}));
  EXPECT_EQ(told[0].sync_id, first_id);
  EXPECT_NE(told[1].sync_id, first_id);
}

// To a peer that has joined, and whenever one is new; of a director that has a SYN proxy.
TEST(Exporter, SendsTheSecretsOfSynCookies) {
  const auto secrets = [](const std::vector<SyncEntry>& entries) {
    std::vector<SipKey> found;
    for (const SyncEntry& entry : entries) {
      if (entry.kind == SyncKind::kSynSecret) found.push_back(entry.key);
    }
    return found;
  };
  Master master;
  master.join();
  EXPECT_TRUE(secrets(master.fill_all()).empty());
  master.spec.services[0].syn_proxy = SynProxyMode::kAdaptive;
  master.apply();
  EXPECT_EQ(secrets(master.fill_all()), (std::vector{SipKey{{1, 1}}, SipKey{{1, 2}}}));
  EXPECT_TRUE(secrets(master.fill_all()).empty());
  const auto fresh = [] { return SipKey{{5, 5}}; };
  master.secrets().step(SynSecrets::kPeriod - SynSecrets::kAhead, fresh);
  EXPECT_EQ(secrets(master.fill_all()), (std::vector{SipKey{{1, 1}}, SipKey{{5, 5}}}));
  master.secrets().step(SynSecrets::kPeriod, fresh);
  EXPECT_TRUE(secrets(master.fill_all()).empty()) << "the peer has them";
  master.exporter().begin();
  EXPECT_EQ(secrets(master.fill_all()).size(), 2U);
}

// The peer sent it when it was master: it still has it.
TEST(Exporter, ExportsTheEndOfAnImportedConnection) {
  Master master;
  master.join();
  Record* record = master.import(1);
  master.end(record);
  EXPECT_EQ(ports(master.fill(), SyncKind::kEnd), (Ports{1}));
}

// ---- roles

TEST(Exporter, ExportsNothingOfAServiceWithoutSync) {
  Master master;
  master.spec.services[0].sync = false;
  master.apply();
  Record* record = master.open(1);
  master.exporter().begin();
  EXPECT_EQ(kinds(master.fill_all()),
            (std::vector{SyncKind::kWalkBegin, SyncKind::kWalked, SyncKind::kWalkEnd}))
      << "the other service was walked";
  master.open(2);
  master.open(3, ConnState::kUdp);
  EXPECT_EQ(ports(master.fill()), (Ports{3}));
  master.change(record, ConnState::kFinWait);
  master.end(record);
  master.now += kRefresh;
  EXPECT_TRUE(ports(master.fill(), SyncKind::kEnd).empty());
  EXPECT_EQ(port_set(master.fill_all()), (std::set<std::uint16_t>{}));
}

TEST(Exporter, StandbyDoesNotExportImportedConnections) {
  Master master;
  master.spec.services[0].standby = true;
  master.apply();
  Record* record = master.import(1);
  master.join();
  master.change(record, ConnState::kFinWait);
  EXPECT_TRUE(master.fill().empty());
  master.now += kRefresh;
  EXPECT_TRUE(master.fill().empty());
  master.end(record);
  EXPECT_TRUE(master.fill().empty());
}

TEST(Exporter, StandbyExportsItsOwnConnections) {
  Master master;
  master.spec.services[0].standby = true;
  master.apply();
  master.open(1);
  master.import(2);
  master.exporter().begin();
  const auto walk = master.fill_all();
  EXPECT_EQ(ports(walk), (Ports{1}));
  EXPECT_EQ(std::ranges::count(kinds(walk), SyncKind::kWalked), 1) << "UDP only";
}

// Established after the last batch before this director left.
TEST(Exporter, ExportsChangesFromJustBeforeItBecameStandby) {
  Master master;
  master.join();
  master.open(1);
  master.spec.services[0].standby = true;
  master.apply();
  EXPECT_EQ(ports(master.fill()), (Ports{1}));
}

// Its handshake goes on at the peer.
TEST(Exporter, FormerMasterExportsHalfOpenConnectionsForASecond) {
  Master master;
  master.join();
  Record* record = master.open(1, ConnState::kSynSent);
  EXPECT_TRUE(master.fill().empty());
  master.spec.services[0].standby = true;
  master.apply();
  EXPECT_EQ(ports(master.fill_all()), (Ports{1}));
  EXPECT_TRUE(master.fill_all().empty()) << "once";
  master.change(record, ConnState::kSynReceived);
  master.open(2, ConnState::kSynSent);
  ++master.now;
  EXPECT_EQ(port_set(master.fill_all()), (std::set<std::uint16_t>{1, 2}));
  master.now += 10;
  master.open(3, ConnState::kSynSent);
  EXPECT_TRUE(master.fill_all().empty());
}

TEST(Exporter, NewMasterExportsEverything) {
  Master master;
  master.spec.services[0].standby = true;
  master.apply();
  master.import(1);
  master.join();
  master.spec.services[0].standby = false;
  master.apply();
  const auto told = master.fill();
  EXPECT_TRUE(master.last.walk_begin);
  EXPECT_EQ(ports(told), (Ports{1}));
  EXPECT_TRUE(master.last.walk_end);
  EXPECT_FALSE(master.last.more);
}

// ---- room

TEST(Exporter, StopsAtAFullBatchAndReportsMore) {
  Master master;
  std::vector<Record*> records;
  master.join();
  for (std::uint16_t port = 1; port <= 300; ++port) {
    records.push_back(master.open(port, ConnState::kEstablished, port % 2));
  }
  std::set<std::uint16_t> told;
  for (unsigned batch = 0; batch < 15; ++batch) {
    for (const std::uint16_t port : ports(master.fill(20 * kSyncConnBytes))) told.insert(port);
    EXPECT_EQ(master.last_bytes, 20 * kSyncConnBytes);
    EXPECT_TRUE(master.last.more);
  }
  EXPECT_EQ(told.size(), 300U);
  EXPECT_TRUE(master.fill(20 * kSyncConnBytes).empty());
  EXPECT_FALSE(master.last.more);
  for (Record* record : records) master.end(record);
  EXPECT_EQ(ports(master.fill(100 * kSyncEndBytes), SyncKind::kEnd).size(), 100U);
  EXPECT_TRUE(master.last.more);
  EXPECT_EQ(ports(master.fill_all(100 * kSyncEndBytes), SyncKind::kEnd).size(), 200U);
}

// A flush must not treat entries that were not read as exported.
TEST(Exporter, ReportsMoreWhileChangesWaitThatTakeNoRoom) {
  Master master({.log_entries = 131'072});
  master.join();
  Record* record = master.open(1);
  for (unsigned i = 0; i < 100'000; ++i) master.log().changed(master.table().handle_of(*record));
  master.open(2);
  EXPECT_EQ(ports(master.fill()), (Ports{1}));
  EXPECT_TRUE(master.last.more);
  EXPECT_EQ(ports(master.fill()), (Ports{2}));
  EXPECT_FALSE(master.last.more);
}

}  // namespace
}  // namespace lb
