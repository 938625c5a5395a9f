// What ends when the table is full, what is kept for whom, and how long a connection lives that
// nobody has confirmed; by packets.
#include <gtest/gtest.h>

#include <set>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kPsh;
using test::kSyn;

constexpr std::uint32_t kRoom = 64;

// The scene's service "web", and "dns" on the same address and servers by UDP.
class TwoServices : public Scene {
 public:
  explicit TwoServices(Mode mode, const WorldOptions& options = {.max_connections = kRoom})
      : Scene(mode, kProtoTcp, options) {
    ServiceSpec dns = spec.services[0];
    dns.name = "dns";
    dns.protocol = Protocol::kUdp;
    spec.services.push_back(dns);
    apply();
  }

  DropReason syn(std::uint16_t port) { return send(kWan, client_tcp(kSyn, {}, port)).reason; }
  DropReason ack(std::uint16_t port) { return send(kWan, client_tcp(kAck, {}, port)).reason; }
  DropReason data(std::uint16_t port) {
    return send(kWan, client_tcp(kAck | kPsh, test::pattern(10), port)).reason;
  }
  DropReason ask(std::uint16_t port) { return send(kWan, client_frame(kProtoUdp, port, 0)).reason; }
  // Both servers do; it counts from the one that was asked.
  void answer(std::uint16_t port) {
    for (const unsigned n : {0U, 1U}) send(kLan, server_frame(kProtoUdp, port, 0, n));
  }
  DropReason ask_and_answer(std::uint16_t port) {
    const DropReason reason = ask(port);
    answer(port);
    return reason;
  }
  ConnState state(std::uint16_t port, std::uint8_t proto) const {
    const FlowTuple tuple{kClient, kVip, Be16::from_host(port), Be16::from_host(80)};
    const Hit hit = table().find(tuple, proto, table().hash(tuple, proto));
    return hit ? hit.record->state.load() : ConnState::kNone;
  }
};

TEST(Shed, ClassesGoInTheirOrder) {
  TwoServices world(Mode::kNat);
  for (std::uint16_t port = 1; port <= 20; ++port) EXPECT_EQ(world.ask(port), DropReason::none);
  for (std::uint16_t port = 1; port <= 20; ++port) EXPECT_EQ(world.syn(port), DropReason::none);
  for (std::uint16_t port = 101; port <= 124; ++port) world.ask_and_answer(port);
  ASSERT_EQ(world.connections(), kRoom);
  world.advance(1'000);
  const auto more = [&](std::uint16_t first, unsigned count) {
    unsigned found_room = 0;
    for (unsigned n = 0; n < count; ++n) {
      found_room += world.ask_and_answer(static_cast<std::uint16_t>(first + n)) == DropReason::none;
    }
    return found_room;
  };
  // Of "web" those stay that have no more than its share.
  EXPECT_EQ(more(1'001, 14), 14u);
  EXPECT_EQ(world.shed(ShedClass::half_open), 14u);
  world.advance(1'000);
  EXPECT_EQ(more(2'001, 20), 20u);
  EXPECT_EQ(world.shed(ShedClass::half_open), 14u);
  EXPECT_EQ(world.shed(ShedClass::udp_unanswered), 20u);
  world.advance(1'000);
  EXPECT_EQ(more(3'001, 10), 0u);
  EXPECT_EQ(world.dropped(DropReason::table_full), 10u);
  // Half a minute later the idle ones go, and not the one that was used.
  world.advance(27'000);
  world.ask(101);
  world.advance(3'000);
  EXPECT_EQ(more(4'001, 57), 57u);
  EXPECT_EQ(world.shed(ShedClass::idle), 57u);
  EXPECT_EQ(more(5'001, 10), 0u);
  EXPECT_EQ(world.state(101, kProtoUdp), ConnState::kUdp);
}

// The client's answer needs a moment.
TEST(Shed, AFloodOfOneKindLeavesHandshakesOfAnother) {
  TwoServices world(Mode::kNat, {.max_connections = 256});
  world.spec.services[0].table_share = 0;  // nothing protects it
  world.apply();
  for (std::uint16_t port = 1; port <= 500; ++port) world.ask(port);
  world.advance(1'000);
  for (std::uint16_t n = 0; n < 20; ++n) {
    EXPECT_EQ(world.syn(static_cast<std::uint16_t>(n + 1)), DropReason::none);
    for (std::uint16_t port = 0; port < 10; ++port) {
      world.ask(static_cast<std::uint16_t>(1'000 + 10 * n + port));
    }
    EXPECT_EQ(world.state(static_cast<std::uint16_t>(n + 1), kProtoTcp), ConnState::kSynSent);
    if (n % 10 == 0) world.advance(100);
  }
  EXPECT_EQ(world.shed(ShedClass::half_open), 0u);
}

TEST(Shed, WhatIsKeptForAServiceIsNotTaken) {
  TwoServices world(Mode::kNat);
  world.spec.services[0].table_share = 25;  // 16 places; "dns" has 20 %, 12
  world.apply();
  unsigned made = 0;
  for (std::uint16_t port = 1; port <= kRoom; ++port) {
    made += world.ask_and_answer(port) == DropReason::none;
    world.advance(100);
  }
  EXPECT_EQ(made, kRoom - 16);
  for (std::uint16_t port = 1; port <= 16; ++port) EXPECT_EQ(world.syn(port), DropReason::none);
  EXPECT_EQ(world.connections(), kRoom);
  // Beyond its share "web" makes its own way only.
  EXPECT_EQ(world.syn(17), DropReason::none);
  EXPECT_EQ(world.shed(ShedClass::half_open), 1u);
  EXPECT_EQ(world.ask(100), DropReason::table_full);
}

TEST(Shed, AFloodOfAServiceEndsItsOwn) {
  TwoServices world(Mode::kDr);
  for (std::uint16_t port = 1; port <= 5; ++port) {
    world.syn(port);
    world.ack(port);
    world.data(port);
  }
  world.advance(100);
  for (std::uint16_t port = 1'000; port < 3'000; ++port) {
    EXPECT_EQ(world.ask(port), DropReason::none);
    if (port % 100 == 0) world.advance(100);
  }
  EXPECT_EQ(world.shed(ShedClass::udp_unanswered), 2'000u + 5u - world.connections());
  for (std::uint16_t port = 1; port <= 5; ++port) {
    EXPECT_EQ(world.state(port, kProtoTcp), ConnState::kEstablished);
  }
  EXPECT_EQ(world.syn(6), DropReason::none) << "one of its six places";
}

TEST(Shed, InDrModeOneThatHadNothingButItsHandshakeGoes) {
  TwoServices world(Mode::kDr);
  for (std::uint16_t port = 1; port <= kRoom; ++port) {
    world.syn(port);
    world.ack(port);
    ASSERT_EQ(world.state(port, kProtoTcp), ConnState::kHandshake);
  }
  world.data(1);
  world.ack(2);  // of what the server has sent
  world.syn(3);  // a late copy
  EXPECT_EQ(world.state(1, kProtoTcp), ConnState::kEstablished);
  EXPECT_EQ(world.state(2, kProtoTcp), ConnState::kEstablished);
  EXPECT_EQ(world.state(3, kProtoTcp), ConnState::kHandshake);
  EXPECT_EQ(world.active(0) + world.active(1), kRoom);
  for (std::uint16_t port = 101; port <= 300; ++port) {
    EXPECT_EQ(world.syn(port), DropReason::none);
    EXPECT_EQ(world.ack(port), DropReason::none);
  }
  EXPECT_EQ(world.state(1, kProtoTcp), ConnState::kEstablished);
  EXPECT_EQ(world.state(2, kProtoTcp), ConnState::kEstablished);
  EXPECT_EQ(world.shed(ShedClass::handshake), 200u);
}

TEST(Shed, ADataSegmentAtOnceConfirms) {
  TwoServices world(Mode::kDr);
  world.syn(1);
  world.data(1);
  EXPECT_EQ(world.state(1, kProtoTcp), ConnState::kEstablished);
  world.syn(2);
  world.ack(2);
  world.send(kWan, client_tcp(kFin | kAck, {}, 2));
  EXPECT_EQ(world.state(2, kProtoTcp), ConnState::kFinWait);
}

TEST(Shed, UdpIsConfirmedByTheServerOrInDrModeByASecondPacket) {
  TwoServices nat(Mode::kNat);
  nat.ask(1);
  nat.ask(1);
  EXPECT_EQ(nat.state(1, kProtoUdp), ConnState::kUdpUnanswered);
  nat.answer(1);
  EXPECT_EQ(nat.state(1, kProtoUdp), ConnState::kUdp);
  TwoServices dr(Mode::kDr);
  dr.ask(1);
  EXPECT_EQ(dr.state(1, kProtoUdp), ConnState::kUdpUnanswered);
  dr.ask(1);
  EXPECT_EQ(dr.state(1, kProtoUdp), ConnState::kUdp);
}

TEST(Shed, WhatIsNotConfirmedHasAShortLife) {
  TwoServices world(Mode::kNat);
  world.spec.timeouts.udp_unanswered = test::ticks(100);
  world.apply();
  world.ask(1);
  world.ask(2);
  world.answer(2);
  world.ask(3);
  world.advance(9'000);
  world.ask(3);  // lives on, though nobody answers
  world.advance(2'000);
  EXPECT_EQ(world.state(1, kProtoUdp), ConnState::kNone);
  EXPECT_EQ(world.state(2, kProtoUdp), ConnState::kUdp);
  EXPECT_EQ(world.state(3, kProtoUdp), ConnState::kUdpUnanswered);
}

TEST(Shed, AHandshakeAloneHasAShortLife) {
  TwoServices world(Mode::kDr);
  world.spec.timeouts.tcp_handshake = test::ticks(100);
  world.apply();
  for (std::uint16_t port = 1; port <= 2; ++port) {
    world.syn(port);
    world.ack(port);
  }
  world.data(2);
  world.advance(11'000);
  EXPECT_EQ(world.state(1, kProtoTcp), ConnState::kNone);
  EXPECT_EQ(world.state(2, kProtoTcp), ConnState::kEstablished);
}

// Of a flood of UDP the peer is sent nothing: neither the connections nor that they end.
TEST(Shed, ThePeerIsSentNothingThatNoServerHasAnswered) {
  for (const Mode mode : {Mode::kNat, Mode::kDr}) {
    TwoServices world(mode, {.max_connections = 100, .peer = true});
    world.join();
    world.exported();
    for (std::uint16_t port = 1; port <= 1'000; ++port) world.ask(port);
    EXPECT_TRUE(world.exported().empty());
    world.join();
    std::set<SyncKind> kinds;
    for (const SyncEntry& entry : world.exported()) kinds.insert(entry.kind);
    EXPECT_EQ(kinds, (std::set{SyncKind::kWalkBegin, SyncKind::kWalked, SyncKind::kWalkEnd}));
    world.advance(60'000);
    EXPECT_EQ(world.connections(), 0U);
    EXPECT_TRUE(world.exported().empty()) << "their ends";
  }
}

TEST(Shed, ThePeerIsSentWhatIsConfirmedAtOnce) {
  const auto states_of = [](TwoServices& world) {
    std::set<ConnState> states;
    for (const SyncEntry& entry : world.exported()) states.insert(entry.state);
    return states;
  };
  TwoServices nat(Mode::kNat, {.peer = true});
  nat.join();
  nat.exported();
  nat.ask(2);
  nat.answer(2);
  EXPECT_EQ(states_of(nat), (std::set{ConnState::kUdp}));

  TwoServices dr(Mode::kDr, {.peer = true});
  dr.join();
  dr.exported();
  dr.syn(1);
  dr.ack(1);
  dr.ask(2);
  EXPECT_EQ(states_of(dr), (std::set{ConnState::kSynReceived})) << "anyone can send these";
  dr.ack(1);
  dr.ask(2);
  EXPECT_EQ(states_of(dr), (std::set{ConnState::kEstablished, ConnState::kUdp}));
  dr.ack(1);
  dr.ask(2);
  EXPECT_TRUE(dr.exported().empty()) << "once";
}

// There they go first, as here.
TEST(Shed, AHandshakeOfThePeersIsHalfOpen) {
  TwoServices master(Mode::kDr, {.peer = true});
  master.join();
  for (std::uint16_t port = 1; port <= kRoom; ++port) {
    master.syn(port);
    master.ack(port);
  }
  TwoServices peer(Mode::kDr);
  for (ServiceSpec& service : peer.spec.services) service.standby = true;
  peer.apply();
  peer.receive(master.exported());
  ASSERT_EQ(peer.connections(), kRoom);
  for (ServiceSpec& service : peer.spec.services) service.standby = false;
  peer.apply();
  peer.advance(1'000);
  EXPECT_EQ(peer.syn(1'001), DropReason::none);
  EXPECT_EQ(peer.shed(ShedClass::half_open), 1U);
  peer.data(kRoom);
  EXPECT_EQ(peer.state(kRoom, kProtoTcp), ConnState::kEstablished) << "which goes on there";
}

// Any number of workers, services and packets: the counts agree, and what carried data lately stays.
TEST(Shed, EveryWorkerMakesRoom) {
  TwoServices world(Mode::kNat, {.workers = 3, .max_connections = 300});
  for (std::uint16_t port = 1; port <= 2'000; ++port) {
    EXPECT_EQ(world.send(kWan, client_frame(kProtoUdp, port, 0), port % 3).reason,
              DropReason::none);
    if (port % 50 == 0) world.advance(100);
  }
  EXPECT_EQ(world.connections(), 270u) << "and 30 places are kept for the other service";
  EXPECT_EQ(world.syn(1), DropReason::none);
}

}  // namespace
}  // namespace lb::golden
