// What happens to each entry of a peer: accepted, or refused and counted.
#include <gtest/gtest.h>

#include "tests/golden/director.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kSyn;
using test::pattern;

class ImportEntry : public testing::Test {
 protected:
  ImportEntry() { director_.set_master(false); }

  // A connection as the first director would send it.
  SyncEntry entry(std::uint16_t client = 40'000, std::size_t offer = kNatTcp, unsigned server = 0) {
    SyncEntry entry;
    entry.proto = kOffer[offer].proto;
    entry.tuple = tuple_of(offer, client);
    entry.sync_id = client;
    entry.mode = static_cast<std::uint8_t>(kOffer[offer].mode);
    entry.state = entry.proto == kProtoUdp ? ConnState::kUdp : ConnState::kEstablished;
    entry.rs_address = kOffer[offer].servers[server];
    entry.rs_port = Be16::from_host(8'080);
    entry.client_hop =
        ClientHop::make(kRouterMac.data(), 0, static_cast<std::uint8_t>(director_.port(kWan)));
    return entry;
  }
  void receive(const SyncEntry& entry) { director_.receive(std::span(&entry, 1)); }
  void receive_mark(SyncKind kind) {
    SyncEntry mark;
    mark.kind = kind;
    receive(mark);
  }
  // All of a service was sent.
  void receive_walked(std::size_t offer) {
    SyncEntry walked = entry(0, offer);
    walked.kind = SyncKind::kWalked;
    receive(walked);
  }
  std::uint64_t imported(ImportOutcome outcome) const { return director_.imported(outcome); }
  ConnState state(std::uint16_t client = 40'000, std::size_t offer = kNatTcp) const {
    const auto rows = director_.rows();
    const auto it = rows.find(key_of(offer, client));
    return it == rows.end() ? ConnState::kNone : it->second.state;
  }
  void TearDown() override { EXPECT_EQ(director_.wrong_counts(), ""); }

  Director director_{Director::Kind::kSecond, {.workers = 2, .max_connections = 300}};
};

TEST_F(ImportEntry, OfTheOldMasterDoesNotOverwriteAndMayAdd) {
  receive(entry(40'000));
  director_.set_master(true);
  director_.from_server(kNatTcp, 0, 40'000, kAck);
  director_.from_client(kNatTcp, 40'000, kFin | kAck);
  receive(entry(40'000));
  SyncEntry other_server = entry(40'000, kNatTcp, 1);
  receive(other_server);
  EXPECT_EQ(state(), ConnState::kCloseWait);
  EXPECT_EQ(server_of(director_, kNatTcp, 40'000), 0U);
  EXPECT_EQ(imported(ImportOutcome::kept), 2U);
  SyncEntry end = entry(40'000);
  end.kind = SyncKind::kEnd;
  receive(end);
  EXPECT_EQ(state(), ConnState::kCloseWait);
  EXPECT_EQ(imported(ImportOutcome::kept), 3U);
  receive(entry(40'001));
  EXPECT_EQ(state(40'001), ConnState::kEstablished) << "not known yet";
  receive(entry(40'001));
  EXPECT_EQ(imported(ImportOutcome::kept), 4U);
}

TEST_F(ImportEntry, NeverMakesAConnectionYounger) {
  receive(entry());
  director_.advance(5'000);
  const std::uint32_t now = director_.now();
  SyncEntry old = entry();
  old.age_ticks = 500;
  receive(old);
  EXPECT_EQ(director_.rows().begin()->second.last_seen, now - 50);
  old.age_ticks = 20;
  receive(old);
  EXPECT_EQ(director_.rows().begin()->second.last_seen, now - 20);
}

// Seen before this data plane started.
TEST_F(ImportEntry, OfAnAgeBeforeTheFirstTick) {
  director_.spec.timeouts = test::all_timeouts(2'000);
  director_.set_master(false);
  SyncEntry old = entry();
  old.age_ticks = director_.now() + 500;
  receive(old);
  director_.advance(49'900);
  EXPECT_EQ(director_.connections(), 1U);
  director_.advance(100);
  EXPECT_EQ(director_.connections(), 0U);
}

TEST_F(ImportEntry, WithAnotherServerReplaces) {
  receive(entry(40'000, kNatTcp, 0));
  receive(entry(40'000, kNatTcp, 1));
  EXPECT_EQ(imported(ImportOutcome::replaced), 1U);
  EXPECT_EQ(director_.connections(), 1U);
  EXPECT_EQ(director_.from_server(kNatTcp, 1, 40'000, kAck).verdict, Verdict::kForward);
  EXPECT_EQ(director_.from_server(kNatTcp, 0, 40'000, kAck).verdict, Verdict::kPunt);
}

// Here the server takes any port; the connection goes on to the one that it was opened to.
TEST_F(ImportEntry, KeepsThePortOfTheServerAtThePeer) {
  for (const std::size_t offer : {kNatTcp, kNatUdp}) {
    for (unsigned server = 0; server < 2; ++server) director_.rs(offer, server).address.port = 0;
  }
  director_.set_master(false);
  for (const std::size_t offer : {kNatTcp, kNatUdp}) {
    receive(entry(40'000, offer, 1));
    const Output out = director_.from_client(offer, 40'000, kAck, pattern(5));
    ASSERT_EQ(out.verdict, Verdict::kForward);
    EXPECT_EQ(out.frame[36] * 256 + out.frame[37], 8'080) << "destination port";
    EXPECT_EQ(test::verify(out.frame), "");
    EXPECT_EQ(director_.from_server(offer, 1, 40'000, kAck).verdict, Verdict::kForward);
  }
  EXPECT_EQ(imported(ImportOutcome::created), 2U);
}

// The service's mode was changed; connections keep theirs.
TEST_F(ImportEntry, InAnotherModeReplaces) {
  receive(entry());
  SyncEntry dr = entry();
  dr.mode = static_cast<std::uint8_t>(Mode::kDr);
  receive(dr);
  EXPECT_EQ(imported(ImportOutcome::replaced), 1U);
  EXPECT_EQ(director_.rows().begin()->second.mode, dr.mode);
  EXPECT_EQ(director_.from_server(kNatTcp, 0, 40'000, kAck).verdict, Verdict::kPunt);
  EXPECT_EQ(director_.from_client(kNatTcp, 40'000, kAck).verdict, Verdict::kForward);
}

TEST_F(ImportEntry, OverwritesAHalfOpenConnection) {
  director_.from_client(kNatTcp, 40'000, kSyn);
  const unsigned server = server_of(director_, kNatTcp, 40'000);
  receive(entry(40'000, kNatTcp, server));
  EXPECT_EQ(state(), ConnState::kEstablished);
  EXPECT_EQ(imported(ImportOutcome::updated), 1U);
}

TEST_F(ImportEntry, IsCountedWhenNotConfiguredHere) {
  SyncEntry unknown = entry();
  unknown.tuple.dport = Be16::from_host(81);
  receive(unknown);
  EXPECT_EQ(imported(ImportOutcome::unknown_service), 1U);
  unknown = entry();
  unknown.proto = kProtoUdp;
  unknown.state = ConnState::kUdp;
  receive(unknown);
  EXPECT_EQ(imported(ImportOutcome::unknown_service), 2U) << "there is one for TCP only";
  unknown = entry();
  unknown.rs_port = Be16::from_host(81);
  receive(unknown);
  unknown = entry();
  unknown.rs_address = kOffer[kDrTcp].servers[0];
  receive(unknown);
  EXPECT_EQ(imported(ImportOutcome::unknown_real_server), 2U) << "one is another service's";
  unknown = entry();
  unknown.port_known = false;
  receive(unknown);
  EXPECT_EQ(imported(ImportOutcome::unknown_port), 1U);
  unknown = entry();
  unknown.kind = SyncKind::kEnd;
  receive(unknown);
  EXPECT_EQ(imported(ImportOutcome::unmatched), 1U);
  EXPECT_EQ(director_.connections(), 0U);
}

TEST_F(ImportEntry, OfAServerThatIsRemovedAndKeptHere) {
  receive(entry(40'000));
  auto& servers = director_.service(kNatTcp).real_servers;
  std::erase_if(servers, [](const RealServerSpec& rs) {
    return rs.address.address == Ipv4Address{kOffer[kNatTcp].servers[0]};
  });
  director_.apply();
  receive(entry(40'001));
  EXPECT_EQ(imported(ImportOutcome::created), 2U);
  SyncEntry end = entry(40'000);
  end.kind = SyncKind::kEnd;
  receive(end);
  end = entry(40'001);
  end.kind = SyncKind::kEnd;
  receive(end);
  director_.apply();
  receive(entry(40'002));
  EXPECT_EQ(imported(ImportOutcome::unknown_real_server), 1U) << "its last connection has gone";
}

// Two services with the same server, and a client that has both from one port.
TEST_F(ImportEntry, IsRefusedWhenItsReplyKeyIsTaken) {
  ServiceSpec twin = director_.service(kNatTcp);
  twin.name = "twin";
  twin.addresses = {test::single("192.0.2.20:80")};
  director_.spec.services.push_back(twin);
  director_.apply();
  receive(entry());
  SyncEntry other = entry();
  other.tuple.dst = twin.addresses[0].address.to_ipv4()->be;
  receive(other);
  EXPECT_EQ(imported(ImportOutcome::reply_tuple_taken), 1U);
  EXPECT_EQ(director_.connections(), 1U);
  other.rs_address = kOffer[kNatTcp].servers[1];
  receive(other);
  EXPECT_EQ(imported(ImportOutcome::created), 2U);
}

TEST_F(ImportEntry, ThatFindsTheTableFull) {
  for (std::uint16_t n = 0; n < 310; ++n) receive(entry(static_cast<std::uint16_t>(30'000 + n)));
  EXPECT_EQ(imported(ImportOutcome::created), 300U);
  EXPECT_EQ(imported(ImportOutcome::table_full), 10U);
  SyncEntry end = entry(30'000);
  end.kind = SyncKind::kEnd;
  receive(end);
  receive(entry(30'309));
  EXPECT_EQ(imported(ImportOutcome::created), 301U);
}

TEST_F(ImportEntry, ToAServerWithoutNextHopIsMade) {
  director_.rs(kNatTcp, 0).next_hop.reset();
  director_.apply();
  receive(entry());
  EXPECT_EQ(director_.from_client(kNatTcp, 40'000, kAck).reason, DropReason::next_hop_unresolved);
  EXPECT_EQ(director_.connections(), 1U);
}

// ---- walks

TEST_F(ImportEntry, ThatDoesNotComeAgainIsSweptOfWalkedServices) {
  for (std::uint16_t n = 0; n < 10; ++n) {
    receive(entry(static_cast<std::uint16_t>(40'000 + n), kNatTcp));
    receive(entry(static_cast<std::uint16_t>(41'000 + n), kNatUdp));
  }
  establish(director_, kNatTcp, 42'000);  // made here
  receive_mark(SyncKind::kWalkBegin);
  receive(entry(40'003));
  receive(entry(42'001));
  receive_walked(kNatTcp);
  receive_mark(SyncKind::kWalkEnd);
  EXPECT_EQ(imported(ImportOutcome::swept), 9U);
  EXPECT_EQ(state(40'003), ConnState::kEstablished);
  EXPECT_EQ(state(42'000), ConnState::kEstablished);
  EXPECT_EQ(state(42'001), ConnState::kEstablished);
  EXPECT_EQ(director_.connections(), 13U) << "UDP was not walked";
}

// What this director's workers made while it was master, and the peer has taken over and ended.
TEST_F(ImportEntry, ThatAnotherWorkerMadeIsSweptToo) {
  director_.set_master(true);
  for (std::uint16_t n = 0; n < 10; ++n) {
    establish(director_, kNatTcp, static_cast<std::uint16_t>(40'000 + n), n % 2);
  }
  director_.set_master(false);
  for (std::uint16_t n = 0; n < 10; ++n) {
    const auto client = static_cast<std::uint16_t>(40'000 + n);
    receive(entry(client, kNatTcp, server_of(director_, kNatTcp, client)));
  }
  EXPECT_EQ(imported(ImportOutcome::updated), 10U);
  receive_mark(SyncKind::kWalkBegin);
  receive_walked(kNatTcp);
  receive_mark(SyncKind::kWalkEnd);
  EXPECT_EQ(imported(ImportOutcome::swept), 10U);
  EXPECT_EQ(director_.connections(), 0U);
}

TEST_F(ImportEntry, IsNotSweptByAMaster) {
  receive(entry(40'000));
  director_.set_master(true);
  receive_mark(SyncKind::kWalkBegin);
  receive_walked(kNatTcp);
  receive_mark(SyncKind::kWalkEnd);
  EXPECT_EQ(director_.connections(), 1U);
}

TEST_F(ImportEntry, OfManyWalksIsSweptByEach) {
  for (unsigned walk = 0; walk < 600; ++walk) {
    const auto client = static_cast<std::uint16_t>(40'000 + walk);
    receive_mark(SyncKind::kWalkBegin);
    receive(entry(client));
    receive_walked(kNatTcp);
    receive_mark(SyncKind::kWalkEnd);
    ASSERT_EQ(director_.connections(), 1U) << walk;
    ASSERT_EQ(state(client), ConnState::kEstablished);
  }
}

// ---- servers that are dead here

TEST_F(ImportEntry, ToADeadServerIsTheMastersToReset) {
  director_.rs(kNatTcp, 0).up = false;
  director_.apply();
  receive(entry(40'000));
  receive(entry(40'001));
  SyncEntry closing = entry(40'002);
  closing.state = ConnState::kFinWait;
  receive(closing);
  EXPECT_TRUE(director_.advance(1'000).empty()) << "a standby sends no probes";
  EXPECT_EQ(director_.connections(), 3U);

  director_.set_master(true);
  EXPECT_EQ(director_.from_client(kNatTcp, 40'000, kAck, pattern(5)).verdict, Verdict::kAnswer)
      << "who sends is reset";
  const auto probes = director_.advance(1'000);
  ASSERT_EQ(probes.size(), 1U) << "who waits is probed";
  EXPECT_EQ(probes[0].tuple, tuple_of(kNatTcp, 40'001).reversed());
  EXPECT_EQ(probes[0].hop.port(), director_.port(kWan));
  EXPECT_EQ(state(40'002), ConnState::kNone) << "closing ones just end";
  EXPECT_EQ(director_.from_client(kNatTcp, 40'001, kAck).verdict, Verdict::kAnswer);
}

TEST_F(ImportEntry, ToADeadServerIsKeptWhenConfigured) {
  director_.service(kNatTcp).on_server_down = OnServerDown::kKeep;
  director_.rs(kNatTcp, 0).up = false;
  director_.apply();
  receive(entry());
  director_.set_master(true);
  EXPECT_TRUE(director_.advance(1'000).empty());
  EXPECT_EQ(director_.from_client(kNatTcp, 40'000, kAck).verdict, Verdict::kForward);
}

// As of packets: the replies to such a connection are those to checks of this director's.
TEST_F(ImportEntry, InTheNameOfThisDirectorIsRefused) {
  const Be32 own = test::ip("10.0.0.1");
  director_.spec.own_addresses = director_.spec.held_addresses = {Ipv4Address{own}};
  director_.apply();
  SyncEntry forged = entry();
  const Be32 sources[] = {own, forged.tuple.dst, test::ip("127.0.0.1"), test::ip("224.0.0.18")};
  for (const Be32 source : sources) {
    forged.tuple.src = source;
    receive(forged);
  }
  EXPECT_EQ(imported(ImportOutcome::spoofed_source), 4U);
  EXPECT_EQ(director_.connections(), 0U);
  receive(entry());
  EXPECT_EQ(imported(ImportOutcome::created), 1U);
}

}  // namespace
}  // namespace lb::golden
