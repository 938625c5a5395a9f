// SYN proxy: handshakes that do not go as they should, refusals, repetition, failover.
#include <gtest/gtest.h>

#include "tests/golden/syn_proxy_scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kRst;
using test::kSyn;

TEST(SynProxyHandshake, ACookieThatIsNoneIsAnsweredWithAReset) {
  ProxyScene world;
  world.syn();
  const Output out = world.client({.seq = kProxiedIsn + 1, .ack = world.cookie + 2, .flags = kAck});
  EXPECT_EQ(out.verdict, Verdict::kAnswer);
  EXPECT_EQ(out.reason, DropReason::bad_syn_cookie);
  EXPECT_EQ(Read(out.frame).segment.flags, kRst);
  EXPECT_EQ(Read(out.frame).segment.seq, world.cookie + 2);
  EXPECT_EQ(world.counts().refused, 1u);
  EXPECT_EQ(world.connections(), 0u);
}

// Beyond the limit of answers they are dropped, and counted all the same.
TEST(SynProxyHandshake, StormsOfAcksAreAnsweredWithinALimit) {
  ProxyScene world;
  unsigned answered = 0;
  for (std::uint32_t i = 0; i < 12'000; ++i) {
    const Output out = world.client({.seq = i, .ack = i * 3, .flags = kAck});
    EXPECT_EQ(out.reason, DropReason::bad_syn_cookie);
    answered += out.verdict == Verdict::kAnswer ? 1U : 0U;
  }
  EXPECT_EQ(answered, 10'000u);
  EXPECT_EQ(world.dropped(DropReason::bad_syn_cookie), 12'000u);
  EXPECT_EQ(world.connections(), 0u);
}

TEST(SynProxyHandshake, ResetsAndSynAcksOfNoConnectionAreTheKernels) {
  ProxyScene world;
  EXPECT_EQ(world.client({.flags = kRst}).verdict, Verdict::kPunt);
  EXPECT_EQ(world.client({.flags = kRst | kAck}).verdict, Verdict::kPunt);
  EXPECT_EQ(world.client({.flags = kSyn | kAck}).verdict, Verdict::kPunt);
}

TEST(SynProxyHandshake, WaitsForTheServer) {
  ProxyScene world;
  world.syn();
  world.proof();
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}}) {
    EXPECT_EQ(world.proof(size).reason, DropReason::server_pending);
  }
  EXPECT_EQ(
      world.client({.seq = kProxiedIsn + 1, .ack = world.cookie + 1, .flags = kFin | kAck}).reason,
      DropReason::server_pending);
  EXPECT_EQ(world.connections(), 1u);
  world.syn_ack();
  EXPECT_EQ(world.state(), "ESTABLISHED");
}

// Its ACK was lost, and the window is closed: Linux probes it with the number of its SYN, BSD with a byte.
TEST(SynProxyHandshake, WindowProbesProveAsWell) {
  for (const std::uint32_t back : {1U, 0U}) {
    ProxyScene world;
    world.syn();
    const Output out = world.client({.seq = kProxiedIsn + 1 - back,
                                     .ack = world.cookie + 1,
                                     .flags = kAck,
                                     .options = world.client_options(world.our_stamp),
                                     .payload = test::pattern(1 - back)});
    EXPECT_EQ(out.verdict, Verdict::kForward) << back;
    EXPECT_EQ(Read(out.frame).segment.seq, kProxiedIsn);
    EXPECT_EQ(Read(out.frame).segment.flags, kSyn);
    world.syn_ack();
    EXPECT_EQ(world.state(), "ESTABLISHED");
  }
}

TEST(SynProxyHandshake, TheClientMayGiveUp) {
  ProxyScene world;
  world.syn();
  world.proof();
  world.client({.seq = kProxiedIsn + 2, .flags = kRst});
  EXPECT_EQ(world.connections(), 1u) << "somebody else's: RFC 5961 3.2";
  world.client({.seq = kProxiedIsn + 1, .flags = kRst});
  EXPECT_EQ(world.connections(), 0u);
}

// Its new SYN proves nothing and ends nothing; the cookie of the answer does.
TEST(SynProxyHandshake, TheClientMayBeginAnew) {
  ProxyScene world;
  world.syn();
  world.proof();
  const std::uint32_t isn = kProxiedIsn + 77;
  const Output answer = world.client({.seq = isn, .flags = kSyn});
  EXPECT_EQ(answer.verdict, Verdict::kAnswer);
  EXPECT_EQ(world.state(), "SYN_SENT");
  const std::uint32_t cookie = Read(answer.frame).segment.seq;
  const Output out = world.client({.seq = isn + 1, .ack = cookie + 1, .flags = kAck});
  EXPECT_EQ(out.verdict, Verdict::kForward);
  EXPECT_EQ(Read(out.frame).segment.seq, isn);
  EXPECT_EQ(Read(out.frame).segment.flags, kSyn);
  EXPECT_EQ(world.connections(), 1u);
}

TEST(SynProxyHandshake, AClosedPortsResetIsTheClients) {
  ProxyScene world;
  world.timestamps = false;
  world.syn();
  world.proof();
  const Output stale = world.server({.seq = 0, .ack = kProxiedIsn + 9, .flags = kRst | kAck});
  EXPECT_EQ(stale.reason, DropReason::server_pending);
  const Output out =
      world.server({.seq = 0, .ack = kProxiedIsn + 1, .flags = kRst | kAck, .window = 0});
  EXPECT_EQ(
      out.frame,
      ProxyScene::at_client(
          {.seq = world.cookie + 1, .ack = kProxiedIsn + 1, .flags = kRst | kAck, .window = 0}));
  EXPECT_EQ(world.state(), "CLOSED");
  EXPECT_EQ(world.handshakes(world.rs_slot("10.0.0.11:80"), &HandshakeCounters::syn_refused), 1u);
}

// The server has an older connection on these ports (RFC 9293 3.5.1).
TEST(SynProxyHandshake, AStaleConnectionOfTheServersIsReset) {
  ProxyScene world;
  world.syn();
  world.proof();
  const Output out = world.server({.seq = 5, .ack = 4'711, .flags = kAck});
  EXPECT_EQ(out.verdict, Verdict::kAnswer);
  EXPECT_EQ(Read(out.frame).segment.flags, kRst);
  EXPECT_EQ(Read(out.frame).segment.seq, 4'711u);
  world.syn_ack();
  EXPECT_EQ(world.state(), "ESTABLISHED");
}

TEST(SynProxyHandshake, RepeatsTheSynToTheServer) {
  ProxyScene world;
  world.spec.timeouts.tcp_syn_sent = std::chrono::seconds(30);
  world.apply();
  world.syn();
  const Output first = world.proof();
  unsigned repeated = 0;
  for (unsigned tick = 1; tick <= 290; ++tick) {
    for (const Probe& probe : world.advance(kTickMs)) {
      ++repeated;
      EXPECT_TRUE(tick == 10 || tick == 30 || tick == 70) << tick;
      const Output out = world.written(probe);
      EXPECT_EQ(out.egress, kLan);
      // As the first one, but that it went through no router.
      Bytes same = first.frame;
      EXPECT_EQ(Read(out.frame).packet.tuple, Read(same).packet.tuple);
      EXPECT_EQ(Bytes(out.frame.begin() + 34, out.frame.end()),
                Bytes(same.begin() + 34, same.end()));
      EXPECT_EQ(test::verify(out.frame), "");
    }
  }
  EXPECT_EQ(repeated, 3u);
  const std::uint32_t slot = world.rs_slot("10.0.0.11:80");
  EXPECT_EQ(world.handshakes(slot, &HandshakeCounters::syn_unanswered), 1u);
  EXPECT_EQ(world.state(), "SYN_SENT");
  // The client is told at the end.
  const auto last = world.advance(2'000);
  ASSERT_EQ(last.size(), 1u);
  const Read reset(world.written(last[0]).frame);
  EXPECT_EQ(reset.segment.flags, kRst);
  EXPECT_EQ(reset.segment.seq, world.cookie + 1);
  EXPECT_EQ(reset.packet.tuple.dst, kClient);
  EXPECT_EQ(world.connections(), 0u);
  EXPECT_EQ(world.handshakes(slot, &HandshakeCounters::syn_unanswered), 1u) << "at once, and once";
}

TEST(SynProxyHandshake, NothingIsRepeatedOnceTheServerHasAnswered) {
  ProxyScene world;
  world.spec.timeouts.tcp_syn_sent = std::chrono::seconds(30);
  world.apply();
  world.establish();
  EXPECT_TRUE(world.advance(20'000).empty());
  EXPECT_EQ(world.state(), "ESTABLISHED");
}

TEST(SynProxyHandshake, RefusesBeforeItAnswers) {
  ProxyScene world;
  AccessListSpec list;
  list.deny = {*Prefix::parse("198.51.100.0/24")};
  world.service().access = SharedAccessList(list);
  world.apply();
  EXPECT_EQ(world.syn().reason, DropReason::denied);
  world.service().access = {};
  world.rs(0).weight = world.rs(1).weight = 0;
  world.apply();
  EXPECT_EQ(world.syn().reason, DropReason::no_real_server);
  world.rs(0).weight = 1;
  world.rs(0).max_connections = 1;
  world.apply();
  world.establish();
  EXPECT_EQ(world.state(), "ESTABLISHED");
  const Output full =
      world.send(kWan, test::tcp_frame(from_router(), client_to_vip(),
                                       {.sport = 50'000, .dport = 80, .seq = 9, .flags = kSyn}));
  EXPECT_EQ(full.reason, DropReason::real_servers_full);
}

// Invented addresses do not use up the limits; those that come back do.
TEST(SynProxyHandshake, LimitsCountProvenConnections) {
  ProxyScene world;
  world.service().limits = {.new_per_second = 10, .burst = std::chrono::milliseconds(100)};
  world.apply();
  for (std::uint16_t port = 1'000; port < 2'000; ++port) {
    EXPECT_EQ(world.send(kWan, client_tcp(kSyn, {}, port)).verdict, Verdict::kAnswer);
  }
  world.establish();
  EXPECT_EQ(world.state(), "ESTABLISHED");
  EXPECT_EQ(world.send(kWan, client_tcp(kSyn, {}, 2'000)).reason, DropReason::service_rate_limited);
}

// A limit that was reached between the SYN and the ACK: the client must not believe that it is connected.
TEST(SynProxyHandshake, ResetsWhomALimitRefusesAfterwards) {
  ProxyScene world;
  world.syn();
  AccessListSpec list;
  list.deny = {*Prefix::parse("198.51.100.0/24")};
  world.service().access = SharedAccessList(list);
  world.apply();
  const Output out = world.proof();
  EXPECT_EQ(out.reason, DropReason::denied);
  EXPECT_EQ(Read(out.frame).segment.flags, kRst);
  EXPECT_EQ(Read(out.frame).segment.seq, world.cookie + 1);
}

TEST(SynProxyHandshake, AdaptiveProxiesWhileItIsActive) {
  ProxyScene world(SynProxyMode::kAdaptive);
  EXPECT_EQ(world.syn().verdict, Verdict::kForward);
  world.snapshot().services[0].syn_proxy->set_active(true);
  const auto other = [&](std::uint8_t flags) {
    return world.send(kWan, client_tcp(flags, {}, 50'000));
  };
  EXPECT_EQ(other(kSyn).verdict, Verdict::kAnswer);
  // The one that began without it goes on without it.
  world.syn_ack();
  world.client({.seq = kProxiedIsn + 1, .ack = kServersIsn + 1, .flags = kAck});
  EXPECT_EQ(world.state(), "ESTABLISHED");
  world.snapshot().services[0].syn_proxy->set_active(false);
  EXPECT_EQ(other(kSyn).verdict, Verdict::kForward);
}

// Its cookies are accepted after the end, too.
TEST(SynProxyHandshake, ProvesAfterTheAdaptiveProxyHasEnded) {
  ProxyScene world(SynProxyMode::kAdaptive);
  world.snapshot().services[0].syn_proxy->set_active(true);
  world.syn();
  world.snapshot().services[0].syn_proxy->set_active(false);
  EXPECT_EQ(Read(world.proof().frame).segment.flags, kSyn);
}

TEST(SynProxyHandshake, HalfOpenConnectionsAreCounted) {
  ProxyScene world(SynProxyMode::kAdaptive);
  world.syn();
  const std::uint32_t slot = world.rs_slot("10.0.0.11:80");
  EXPECT_EQ(world.half_open(slot), 1);
  world.syn_ack();
  EXPECT_EQ(world.half_open(slot), 1);
  world.client({.seq = kProxiedIsn + 1, .ack = kServersIsn + 1, .flags = kAck});
  EXPECT_EQ(world.half_open(slot), 0);
}

// As without the proxy: the answers to our own checks would be theirs.
TEST(SynProxyHandshake, NothingIsOpenedInTheDirectorsName) {
  ProxyScene world;
  const Be32 own = test::ip("10.0.0.2");
  world.spec.own_addresses = world.spec.held_addresses = {Ipv4Address{own}};
  world.apply();
  const auto send = [&](test::Tcp tcp) {
    tcp.sport = kProxiedPort;
    tcp.dport = 80;
    return world.send(kWan, test::tcp_frame(from_router(), {.src = own, .dst = kVip}, tcp));
  };
  EXPECT_EQ(send({.seq = kProxiedIsn, .flags = kSyn}).reason, DropReason::spoofed_source);
  const FlowTuple tuple{own, kVip, Be16::from_host(kProxiedPort), Be16::from_host(80)};
  const std::uint32_t cookie = world.syn_secrets().cookie({tuple, kProxiedIsn}, {});
  const Output out = send({.seq = kProxiedIsn + 1, .ack = cookie + 1, .flags = kAck});
  EXPECT_EQ(out.verdict, Verdict::kDrop);
  EXPECT_EQ(out.reason, DropReason::spoofed_source);
  EXPECT_EQ(world.connections(), 0u);
}

// Its router has another MAC address; nobody else leads the replies elsewhere.
TEST(SynProxyHandshake, RepliesFollowTheClientWithTheNumbersOfTheConnection) {
  ProxyScene world;
  world.timestamps = false;
  world.establish();
  const test::Mac other = {2, 0, 0, 0, 6, 6};
  const auto from_other = [&](std::uint32_t seq, std::uint32_t ack) {
    world.send(kWan, test::tcp_frame({.dst = kWanMac, .src = other}, client_to_vip(),
                                     {.sport = kProxiedPort, .dport = 80, .seq = seq, .ack = ack}));
  };
  const auto replies_go_to = [&](const test::Mac& mac) {
    const Output out = world.server({.seq = kServersIsn + 1, .ack = kProxiedIsn + 1});
    return out.verdict == Verdict::kForward &&
           std::equal(mac.begin(), mac.end(), out.frame.begin());
  };
  constexpr std::uint32_t kOutside = 1U << 30;
  from_other(kProxiedIsn + 1 + kOutside, world.cookie + 1);
  from_other(kProxiedIsn + 1, world.cookie + 1 + kOutside);
  EXPECT_TRUE(replies_go_to(kRouterMac));
  from_other(kProxiedIsn + 1, world.cookie + 1);
  EXPECT_TRUE(replies_go_to(other));
}

// ---- two directors

struct ProxyPair {
  explicit ProxyPair() {
    second.spec.services[0].standby = true;
    second.apply();
    first.join();
    mirror();
  }
  void mirror() { deliver(first, second); }
  static void deliver(ProxyScene& from, ProxyScene& to) {
    std::vector<SyncEntry> entries = from.exported();
    std::erase_if(entries, [&](const SyncEntry& entry) {
      if (entry.kind != SyncKind::kSynSecret) return false;
      to.syn_secrets().set_peers(entry.secret, entry.key);
      return true;
    });
    to.receive(entries);
  }
  void fail_over() {
    second.spec.services[0].standby = false;
    second.apply();
    second.cookie = first.cookie;
    second.our_stamp = first.our_stamp;
  }
  ProxyScene first{SynProxyMode::kAlways, {.peer = true, .hash_key = 11}};
  ProxyScene second{SynProxyMode::kAlways, {.peer = true, .hash_key = 12}};
};

TEST(SynProxyFailover, TheOtherDirectorTranslates) {
  ProxyPair pair;
  pair.first.establish();
  pair.mirror();
  pair.fail_over();
  const test::Tcp from_client{.seq = kProxiedIsn + 1,
                              .ack = pair.first.cookie + 1,
                              .window = 300,
                              .options = stamps_option(kClientStamp, pair.first.our_stamp),
                              .payload = test::pattern(50)};
  EXPECT_EQ(pair.second.client(from_client).frame, pair.first.client(from_client).frame);
  const test::Tcp from_server{.seq = kServersIsn + 1,
                              .ack = kProxiedIsn + 51,
                              .window = 300,
                              .options = stamps_option(kServerStamp + 1, kClientStamp),
                              .payload = test::pattern(70)};
  const Output out = pair.second.server(from_server);
  EXPECT_EQ(out.verdict, Verdict::kForward);
  EXPECT_EQ(out.frame, pair.first.server(from_server).frame);
}

TEST(SynProxyFailover, ACookieOfTheOneProvesAtTheOther) {
  ProxyPair pair;
  pair.first.syn();
  pair.fail_over();
  EXPECT_EQ(Read(pair.second.proof().frame).segment.flags, kSyn);
  pair.second.syn_ack();
  EXPECT_EQ(pair.second.state(), "ESTABLISHED");
}

// The server's SYN-ACK went to the director that is gone: the client's next segment proves it again.
TEST(SynProxyFailover, AHandshakeBetweenTheTwoIsMadeAnew) {
  ProxyPair pair;
  pair.first.syn();
  pair.first.proof();
  pair.mirror();
  EXPECT_EQ(pair.second.connections(), 0u);
  pair.fail_over();
  EXPECT_EQ(Read(pair.second.proof(1).frame).segment.flags, kSyn);
}

TEST(SynProxyFailover, AStandbyProvesNothing) {
  ProxyPair pair;
  pair.first.syn();
  pair.second.cookie = pair.first.cookie;
  EXPECT_EQ(pair.second.proof().reason, DropReason::taking_over);
}

}  // namespace
}  // namespace lb::golden
