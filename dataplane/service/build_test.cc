#include <algorithm>
#include <set>

#include "dataplane/service/build_fixture.h"

namespace lb {
namespace {

constexpr std::uint32_t kVip = 0xc000020a;

TEST(BuildSnapshot, EndsConnectionsWhateverOnServerDownSays) {
  SnapshotSpec spec = spec_of({service(kVip, {1, 2}, OnServerDown::kKeep)});
  spec.services[0].real_servers[0].up = false;
  const auto before = build(spec);
  EXPECT_FALSE(before->real_servers[0].reset);
  spec.services[0].real_servers[0].end_connections = true;
  const auto after = build(spec, before.get());
  EXPECT_TRUE(after->real_servers[0].reset);
  EXPECT_FALSE(after->real_servers[1].reset);
  EXPECT_EQ(after->reset_epoch, before->reset_epoch + 1);
  spec.services[0].standby = true;
  EXPECT_FALSE(build(spec, after.get())->real_servers[0].reset) << "the master ends them";
}

TEST(BuildSnapshot, CopiesTheSpec) {
  SnapshotSpec spec = spec_of({service(kVip, {1, 2, 3})});
  spec.services[0].mode = Mode::kDr;
  spec.services[0].scheduler = Scheduler::kWlc;
  spec.services[0].protocol = Protocol::kUdp;
  spec.services[0].real_servers[0].weight = 0;
  spec.services[0].real_servers[1].up = false;
  spec.services[0].real_servers[2].weight = 9;
  spec.timeouts.tcp_established = std::chrono::milliseconds(7'601);
  PortInfo port;
  port.name = "wan";
  port.addresses = {{0, Be32::from_host(9)}};
  spec.port_addresses = {{"wan", 7, Ipv4Address::from_host(1)}};
  spec.port_macs = {{"wan", {{2, 0, 0, 0, 0, 1}}}};
  const auto snapshot = build(spec, nullptr, {}, {port});
  EXPECT_EQ(snapshot->generation, 1U);
  EXPECT_EQ(snapshot->timeout_ticks[3], 77U) << "rounded up";
  EXPECT_EQ(snapshot->ports[0].name, "wan");
  EXPECT_EQ(snapshot->ports[0].mac, (std::array<std::uint8_t, 6>{2, 0, 0, 0, 0, 1}));
  ASSERT_EQ(snapshot->ports[0].addresses.size(), 1U) << "the spec's, and no others";
  EXPECT_EQ(snapshot->ports[0].addresses[0].vlan, 7);
  EXPECT_EQ(snapshot->ports[0].addresses[0].address.host(), 1U);
  const std::uint32_t slot =
      snapshot->find_service(Be32::from_host(kVip), Be16::from_host(80), kProtoUdp);
  ASSERT_EQ(slot, 0U);
  const ServiceEntry& s = snapshot->services[slot];
  EXPECT_EQ(s.mode, Mode::kDr);
  EXPECT_EQ(s.scheduler, Scheduler::kWlc);
  EXPECT_TRUE(s.configured);
  EXPECT_EQ(s.real_servers, (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(s.candidates, (std::vector<std::uint32_t>{2}));
  EXPECT_EQ(s.weights, (std::vector<std::uint16_t>{9}));
  EXPECT_TRUE(s.sequence.empty()) << "wlc has none";
  EXPECT_EQ(snapshot->real_servers[1].address.host(), 2U);
  EXPECT_EQ(snapshot->real_servers[1].port.host(), 8080U);
  EXPECT_FALSE(snapshot->real_servers[0].reset) << "weight 0 spares old connections";
  EXPECT_TRUE(snapshot->real_servers[1].reset);
}

TEST(BuildSnapshot, SequencesByScheduler) {
  SnapshotSpec spec = spec_of({service(kVip, {1, 2})});
  spec.services[0].real_servers[0].weight = 2;
  spec.services[0].scheduler = Scheduler::kWrr;
  const auto wrr = build(spec);
  EXPECT_EQ(wrr->services[0].sequence, (std::vector<std::uint32_t>{0, 0, 1}));
  spec.services[0].scheduler = Scheduler::kRr;
  const auto rr = build(spec, wrr.get());
  EXPECT_EQ(rr->services[0].sequence, (std::vector<std::uint32_t>{0, 1}));
  spec.services[0].scheduler = Scheduler::kWrr;
  spec.services[0].real_servers[0].weight = 3;
  EXPECT_EQ(build(spec, rr.get())->services[0].sequence.size(), 4U);
}

TEST(BuildSnapshot, HashSchedulersGoByAddressAndKeepThePlacesOfServersThatAreDown) {
  SnapshotSpec spec = spec_of({service(kVip, {3, 1, 2})});
  spec.services[0].real_servers[0].weight = 7;
  spec.services[0].real_servers[0].up = false;
  for (const Scheduler scheduler : {Scheduler::kSh, Scheduler::kDh, Scheduler::kMh}) {
    spec.services[0].scheduler = scheduler;
    const auto snapshot = build(spec);
    const ServiceEntry& s = snapshot->services[0];
    EXPECT_EQ(s.sequence, (std::vector<std::uint32_t>{1, 2, 0}));
    EXPECT_EQ(s.sequence_weights, (std::vector<std::uint16_t>{1, 1, 0}));
    EXPECT_EQ(s.heaviest, 7U);
    EXPECT_EQ(s.candidates, (std::vector<std::uint32_t>{1, 2}));
    EXPECT_EQ(s.weights, (std::vector<std::uint16_t>{1, 1}));
    EXPECT_EQ(s.maglev != nullptr, scheduler == Scheduler::kMh);
  }
}

TEST(BuildSnapshot, AnUnchangedMaglevTableIsShared) {
  SnapshotSpec spec = spec_of({service(kVip, {1, 2, 3})});
  spec.services[0].scheduler = Scheduler::kMh;
  const auto first = build(spec);
  ASSERT_EQ(first->services[0].maglev->size(), 4'099U);
  const auto second = build(spec, first.get());
  EXPECT_EQ(second->services[0].maglev, first->services[0].maglev);
  spec.services[0].real_servers[2].up = false;
  const auto third = build(spec, second.get());
  EXPECT_NE(third->services[0].maglev, first->services[0].maglev);
  EXPECT_EQ(third->services[0].maglev->size(), 4'099U);
  for (RealServerSpec& rs : spec.services[0].real_servers) rs.up = false;
  EXPECT_EQ(build(spec, third.get())->services[0].maglev, nullptr);
}

TEST(BuildSnapshot, TimeoutsOfAServicesOwn) {
  SnapshotSpec spec = spec_of({service(kVip, {1}), service(kVip + 1, {1}), service(kVip + 2, {1})});
  spec.timeouts = test::all_timeouts(600);
  const auto ticks = [](const Snapshot& snapshot, std::uint32_t slot) {
    return snapshot.timeouts().ticks(slot, ConnState::kEstablished);
  };
  const auto none = build(spec);
  EXPECT_TRUE(none->own_timeouts_of.empty());
  EXPECT_EQ(ticks(*none, 1), 600U);
  spec.services[1].timeouts = test::all_timeouts(50);
  spec.services[2].timeouts = test::all_timeouts(50);
  const auto some = build(spec, none.get());
  EXPECT_EQ(ticks(*some, 0), 600U);
  EXPECT_EQ(ticks(*some, 1), 50U);
  EXPECT_EQ(ticks(*some, 2), 50U);
  EXPECT_EQ(some->own_timeouts.size(), 1U) << "equal ones are kept once";
  spec.services.pop_back();
  const auto removed = build(spec, some.get());
  EXPECT_EQ(ticks(*removed, 2), 50U) << "for the connections that are left";
}

TEST(BuildSnapshot, TableSharesOfTheirOwnAndOfTheDefault) {
  auto spec = spec_of({service(1, {11}), service(2, {12}), service(3, {13}), service(4, {14})});
  spec.services[1].table_share = 35;
  spec.services[3].protocol = Protocol::kUdp;
  spec.services[3].one_packet = true;
  const auto snapshot = build(spec);
  const std::uint32_t shares[] = {100'000, 350'000, 100'000, 0};
  for (std::size_t slot = 0; slot < 4; ++slot) {
    EXPECT_EQ(snapshot->services[slot].table_share_ppm, shares[slot]) << slot;
  }
  EXPECT_EQ(snapshot->table_share_ppm, 550'000U);
}

TEST(BuildSnapshot, ASynProxyKeepsWhatItHasCountedAndFound) {
  auto spec = spec_of({service(1, {11}), service(2, {12})});
  EXPECT_FALSE(build(spec)->any_syn_proxy);
  spec.services[1].syn_proxy = SynProxyMode::kAdaptive;
  spec.services[1].syn_proxy_threshold = 7;
  const auto first = build(spec);
  EXPECT_TRUE(first->any_syn_proxy);
  EXPECT_EQ(first->services[0].syn_proxy, nullptr);
  const SynProxy& before = *first->services[1].syn_proxy;
  EXPECT_EQ(before.threshold(), 7U);
  EXPECT_FALSE(before.is_active());
  before.set_active(true);
  before.count_cookie(3);
  before.promise_no_timestamps();
  spec.services[1].syn_proxy_threshold = 8;
  const auto second = build(spec, first.get());
  const SynProxy& after = *second->services[1].syn_proxy;
  EXPECT_EQ(after.threshold(), 8U);
  EXPECT_TRUE(after.is_active());
  EXPECT_EQ(after.counts().cookies, 1U);
  EXPECT_FALSE(after.promises_timestamps());
  spec.services[1].syn_proxy = SynProxyMode::kOff;
  const auto off = build(spec, second.get());
  EXPECT_EQ(off->services[1].syn_proxy, nullptr);
  EXPECT_FALSE(off->any_syn_proxy);
}

TEST(BuildSnapshot, WhatIsNotConfirmedLivesNoLongerThanWhatIs) {
  auto spec = spec_of({service(1, {11})});
  spec.timeouts.udp = test::ticks(5);
  spec.timeouts.tcp_established = test::ticks(7);
  const auto snapshot = build(spec);
  const Timeouts timeouts = snapshot->timeouts();
  EXPECT_EQ(timeouts.ticks(0, ConnState::kUdpUnanswered), 5U);
  EXPECT_EQ(timeouts.ticks(0, ConnState::kHandshake), 7U);
}

TEST(BuildSnapshot, AnUnchangedSequenceIsCopied) {
  const SnapshotSpec spec = spec_of({service(kVip, {1, 2})});
  const auto first = build(spec);
  first->services[0].sequence = {1, 1, 1};  // not what interleave() would say
  EXPECT_EQ(build(spec, first.get())->services[0].sequence, (std::vector<std::uint32_t>{1, 1, 1}));
  SnapshotSpec heavier = spec;
  heavier.services[0].real_servers[0].weight = 2;
  EXPECT_EQ(build(heavier, first.get())->services[0].sequence.size(), 3U);
  SnapshotSpec fewer = spec;
  fewer.services[0].real_servers[0].up = false;
  EXPECT_EQ(build(fewer, first.get())->services[0].sequence, (std::vector<std::uint32_t>{1}));
}

TEST(BuildSnapshot, NextHopHeaders) {
  SnapshotSpec spec = spec_of({service(kVip, {1, 2, 3})});
  PortInfo wan;
  wan.name = "wan";
  PortInfo lan;
  lan.name = "lan";
  lan.mac = {2, 0, 0, 0, 0, 0xee};
  lan.mtu = 9000;
  auto& servers = spec.services[0].real_servers;
  servers[0].next_hop = {"lan", 0, {{2, 0, 0, 0, 0, 0x11}}};
  servers[1].next_hop = {"lan", 0x123, {{2, 0, 0, 0, 0, 0x12}}};
  const auto snapshot = build(spec, nullptr, {}, {wan, lan});

  const NextHop& plain = snapshot->real_servers[0].next_hop;
  ASSERT_TRUE(plain.resolved());
  EXPECT_EQ(plain.l2, (std::array<std::uint8_t, 18>{2, 0, 0, 0, 0, 0x11, 2, 0, 0, 0, 0, 0xee, 8}));
  EXPECT_EQ(plain.l2_len(), 14);
  EXPECT_EQ(plain.port, 1);
  EXPECT_EQ(plain.mtu, 9000);
  const NextHop& tagged = snapshot->real_servers[1].next_hop;
  EXPECT_EQ(tagged.l2, (std::array<std::uint8_t, 18>{2, 0, 0, 0, 0, 0x12, 2, 0, 0, 0, 0, 0xee, 0x81,
                                                     0, 0x01, 0x23, 8, 0}));
  EXPECT_EQ(tagged.l2_len(), 18);
  EXPECT_FALSE(snapshot->real_servers[2].next_hop.resolved());
}

TEST(BuildSnapshot, ABadSpecBuildsNothing) {
  SnapshotSpec spec = spec_of({service(kVip, {1, 1})});
  const auto result = build_snapshot(spec, {}, nullptr, [](std::uint32_t) { return false; });
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("0.0.0.1:8080 is there twice"), std::string::npos);
}

TEST(BuildSnapshot, SlotsFollowIdentityNotOrder) {
  const auto first = build(spec_of({service(10, {1, 2}), service(20, {1, 3})}));
  const auto second = build(spec_of({service(20, {4, 3, 1}), service(10, {2, 1})}), first.get());
  EXPECT_EQ(second->generation, 2U);
  EXPECT_EQ(second->find_service(Be32::from_host(10), Be16::from_host(80), kProtoTcp), 0U);
  EXPECT_EQ(second->services[0].real_servers, (std::vector<std::uint32_t>{1, 0}));
  EXPECT_EQ(second->services[1].real_servers, (std::vector<std::uint32_t>{4, 3, 2}));
}

TEST(BuildSnapshot, ARemovedServerIsKeptWhileInUse) {
  SnapshotSpec spec = spec_of({service(kVip, {1, 2})});
  PortInfo wan;
  wan.name = "wan";
  spec.services[0].real_servers[1].next_hop = {"wan", 0, {{2, 0, 0, 0, 0, 2}}};
  const auto both = build(spec, nullptr, {}, {wan});
  SnapshotSpec without = spec;
  without.services[0].real_servers.pop_back();

  const auto removed = build(without, both.get(), {1}, {wan});
  const RealServerEntry& rs = removed->real_servers[1];
  EXPECT_TRUE(rs.removed);
  EXPECT_TRUE(rs.reset);
  EXPECT_FALSE(rs.up);
  EXPECT_EQ(rs.service, 0U);
  EXPECT_EQ(rs.next_hop.l2, both->real_servers[1].next_hop.l2);
  EXPECT_EQ(removed->services[0].real_servers, (std::vector<std::uint32_t>{0}));
  EXPECT_EQ(removed->services[0].candidates, (std::vector<std::uint32_t>{0}));

  const auto still = build(without, removed.get(), {1});
  EXPECT_EQ(still->real_servers[1].service, 0U);
  const auto gone = build(without, still.get());
  EXPECT_EQ(gone->real_servers[1].service, kNoSlot);
  EXPECT_FALSE(gone->real_servers[1].removed);
  EXPECT_EQ(gone->real_servers.size(), 2U) << "a slot stays a valid index";
}

TEST(BuildSnapshot, ARemovedServerIsKeptForOneSnapshotEvenIfIdle) {
  const auto both = build(spec_of({service(kVip, {1, 2})}));
  const SnapshotSpec without = spec_of({service(kVip, {1})});
  const auto removed = build(without, both.get());
  EXPECT_TRUE(removed->real_servers[1].removed);
  EXPECT_EQ(build(without, removed.get())->real_servers[1].service, kNoSlot);
}

TEST(BuildSnapshot, AFreedSlotIsReusedInALaterSnapshotOnly) {
  const auto both = build(spec_of({service(kVip, {1, 2})}));
  const auto removed = build(spec_of({service(kVip, {1})}), both.get());
  const auto freed = build(spec_of({service(kVip, {1, 3})}), removed.get());
  EXPECT_EQ(freed->services[0].real_servers, (std::vector<std::uint32_t>{0, 2}));
  EXPECT_EQ(freed->real_servers[1].service, kNoSlot);
  const auto reused = build(spec_of({service(kVip, {1, 3, 4})}), freed.get());
  EXPECT_EQ(reused->services[0].real_servers, (std::vector<std::uint32_t>{0, 2, 1}));
  EXPECT_EQ(reused->real_servers[1].address.host(), 4U);
}

TEST(BuildSnapshot, AServerThatComesBackGetsItsSlotBack) {
  const auto both = build(spec_of({service(kVip, {1, 2})}));
  const auto removed = build(spec_of({service(kVip, {1})}), both.get(), {1});
  const auto back = build(spec_of({service(kVip, {3, 2, 1})}), removed.get(), {1});
  EXPECT_EQ(back->services[0].real_servers, (std::vector<std::uint32_t>{2, 1, 0}));
  EXPECT_FALSE(back->real_servers[1].removed);
  EXPECT_FALSE(back->real_servers[1].reset);
  EXPECT_TRUE(back->real_servers[1].up);
}

TEST(BuildSnapshot, AServiceIsKeptWithItsServersAndComesBack) {
  const SnapshotSpec spec = spec_of({service(10, {1}), service(20, {2}, OnServerDown::kKeep)});
  const auto both = build(spec);
  const SnapshotSpec without = spec_of({spec.services[0]});
  const auto removed = build(without, both.get(), {1});
  EXPECT_FALSE(removed->services[1].configured);
  EXPECT_EQ(removed->services[1].name, "s20");
  EXPECT_TRUE(removed->services[1].real_servers.empty());
  EXPECT_TRUE(removed->services[1].sequence.empty());
  EXPECT_EQ(removed->find_service(Be32::from_host(20), Be16::from_host(80), kProtoTcp), kNoSlot);
  EXPECT_TRUE(removed->real_servers[1].removed);
  EXPECT_FALSE(removed->real_servers[1].reset) << "its last setting was keep";

  const auto back = build(spec, removed.get(), {1});
  EXPECT_TRUE(back->services[1].configured);
  EXPECT_EQ(back->services[1].real_servers, (std::vector<std::uint32_t>{1}));
  const auto gone = build(without, removed.get());
  EXPECT_EQ(gone->services[1].proto, 0);
  EXPECT_EQ(gone->real_servers[1].service, kNoSlot);
  EXPECT_EQ(gone->services[1].name, "");
}

TEST(ResetEpoch, RisesWhenAServerGoesDownOrIsRemoved) {
  const SnapshotSpec up = spec_of({service(kVip, {1, 2})});
  SnapshotSpec down = up;
  down.services[0].real_servers[0].up = false;
  const auto a = build(up);
  EXPECT_EQ(a->reset_epoch, 0U);
  const auto b = build(down, a.get());
  EXPECT_EQ(b->reset_epoch, 1U);
  const auto c = build(down, b.get());
  EXPECT_EQ(c->reset_epoch, 1U) << "still down is no change";
  const auto d = build(up, c.get());
  EXPECT_EQ(d->reset_epoch, 1U);
  const auto e = build(spec_of({service(kVip, {1})}), d.get(), {1});
  EXPECT_EQ(e->reset_epoch, 2U);
  const auto f = build(spec_of({}), e.get(), {0, 1});
  EXPECT_EQ(f->reset_epoch, 3U) << "server 1 goes with its service";
}

TEST(ResetEpoch, KeepNeverRaisesItUntilTheSettingChanges) {
  SnapshotSpec keep = spec_of({service(kVip, {1, 2}, OnServerDown::kKeep)});
  const auto a = build(keep);
  keep.services[0].real_servers.pop_back();
  keep.services[0].real_servers[0].up = false;
  const auto b = build(keep, a.get(), {1});
  EXPECT_EQ(b->reset_epoch, 0U);
  EXPECT_FALSE(b->real_servers[0].reset || b->real_servers[1].reset);
  keep.services[0].on_server_down = OnServerDown::kReset;
  const auto c = build(keep, b.get(), {1});
  EXPECT_EQ(c->reset_epoch, 1U);
  EXPECT_TRUE(c->real_servers[0].reset && c->real_servers[1].reset);
}

// What is done about a dead server's connections is the master's to decide.
TEST(ResetEpoch, RisesWhenAStandbyWithADeadServerBecomesMaster) {
  SnapshotSpec spec = spec_of({service(kVip, {1, 2, 3})});
  spec.services[0].standby = true;
  const auto a = build(spec);
  spec.services[0].real_servers[0].up = false;
  spec.services[0].real_servers.pop_back();
  const auto b = build(spec, a.get(), {2});
  EXPECT_FALSE(b->real_servers[0].reset || b->real_servers[2].reset);
  EXPECT_EQ(b->reset_epoch, 0U);
  spec.services[0].standby = false;
  const auto c = build(spec, b.get(), {2});
  EXPECT_TRUE(c->real_servers[0].reset);
  EXPECT_TRUE(c->real_servers[2].reset) << "removed, and still has connections";
  EXPECT_EQ(c->reset_epoch, 1U);
  spec.services[0].standby = true;
  const auto d = build(spec, c.get(), {2});
  EXPECT_FALSE(d->real_servers[0].reset || d->real_servers[2].reset);
}

TEST(ResetEpoch, AServerThatIsNewAndDownDoesNotRaiseIt) {
  const auto a = build(spec_of({service(kVip, {1})}));
  SnapshotSpec more = spec_of({service(kVip, {1, 2})});
  more.services[0].real_servers[1].up = false;
  const auto b = build(more, a.get());
  EXPECT_TRUE(b->real_servers[1].reset);
  EXPECT_EQ(b->reset_epoch, 0U);
}

TEST(BuildSnapshot, FailsWhenSlotsRunOut) {
  const auto full = [](std::uint32_t from) {
    SnapshotSpec spec = spec_of({service(kVip, {})});
    for (std::uint32_t i = 0; i < kMaxRealServerSlots; ++i) {
      RealServerSpec rs;
      rs.address = {Ipv4Address::from_host(from + i), 80};
      spec.services[0].real_servers.push_back(rs);
    }
    return spec;
  };
  const auto first = build(full(1));
  EXPECT_EQ(first->real_servers.size(), kMaxRealServerSlots);
  const auto result = build_snapshot(full(2), {}, first.get(), [](std::uint32_t) { return false; });
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("no slot is left"), std::string::npos);
  EXPECT_NE(build(full(1), first.get()), nullptr);
}

TEST(BuildSnapshot, PortsHavePoliciesAsLongAsTheSpecSaysSo) {
  std::vector<PortInfo> ports(2);
  ports[0].name = "wan";
  ports[1].name = "lan";
  SnapshotSpec spec = spec_of({service(kVip, {1, 2})});
  spec.port_policies = {{"lan", {7}, AntiSpoof::kStrict, true}};
  spec.source_routes = {{{Ipv4Address::from_host(0x0a000000), 8}, "lan", 7}};
  spec.services[0].real_servers[0].next_hop = {"lan", 7, {{2, 0, 0, 0, 0, 1}}};
  auto first = build(spec, nullptr, {}, ports);
  EXPECT_TRUE(first->policies[0].has_vlan(8));
  EXPECT_EQ(first->policies[0].anti_spoof, AntiSpoof::kOff);
  const IngressPolicy& lan = first->policies[1];
  EXPECT_TRUE(lan.has_vlan(0) && lan.has_vlan(7));
  EXPECT_FALSE(lan.has_vlan(8));
  EXPECT_EQ(lan.anti_spoof, AntiSpoof::kStrict);
  EXPECT_TRUE(lan.clients_from_other_ports);
  const Place lan7 = Place::make(7, 1);
  EXPECT_TRUE(first->source_routes.lead(Be32::from_host(0x0aff0000), lan7));
  EXPECT_FALSE(first->source_routes.lead(Be32::from_host(0x0bff0000), lan7));
  EXPECT_EQ(first->real_servers[0].place, lan7);
  EXPECT_EQ(first->find_server(Be32::from_host(1)), 0U);
  EXPECT_EQ(first->find_server(Be32::from_host(2)), kNoSlot) << "not resolved";

  spec.port_policies.clear();
  spec.services[0].real_servers.erase(spec.services[0].real_servers.begin());
  const auto second = build(spec, first.get(), {0}, first->ports);
  EXPECT_TRUE(second->policies[1].has_vlan(8));
  EXPECT_EQ(second->policies[1].anti_spoof, AntiSpoof::kOff);
  EXPECT_FALSE(second->policies[1].clients_from_other_ports);
  EXPECT_EQ(second->real_servers[0].place, lan7) << "removed, with its last next hop";
  EXPECT_EQ(second->find_server(Be32::from_host(1)), kNoSlot);
}

}  // namespace
}  // namespace lb
