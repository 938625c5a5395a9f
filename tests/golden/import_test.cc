// A director's connections on the other one: the peer can continue them, packet for packet, until
// their end.
#include <gtest/gtest.h>

#include "tests/golden/director.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kRst;
using test::kSyn;
using test::pattern;

constexpr auto kFirst = Director::Kind::kFirst;
constexpr auto kSecond = Director::Kind::kSecond;

// One after the other these segments, from the server ('s') and the client ('c').
struct Course {
  const char* segments;
  ConnState state;
};
constexpr Course kNatCourses[] = {
    {"", ConnState::kEstablished}, {"s", ConnState::kFinWait},   {"c", ConnState::kCloseWait},
    {"cs", ConnState::kLastAck},   {"sc", ConnState::kTimeWait}, {"r", ConnState::kClosed},
};
constexpr Course kDrCourses[] = {
    {"", ConnState::kEstablished}, {"c", ConnState::kFinWait}, {"r", ConnState::kClosed}};

void follow(Director& director, std::size_t offer, std::uint16_t client, const Course& course) {
  establish(director, offer, client);
  for (const char* segment = course.segments; *segment != 0; ++segment) {
    if (*segment == 's') {
      director.from_server(offer, server_of(director, offer, client), client, kFin | kAck);
    } else {
      director.from_client(offer, client, *segment == 'r' ? kRst : kFin | kAck);
    }
  }
}

// The first is master, the second receives what it sends.
struct ImportPair {
  explicit ImportPair(const WorldOptions& options = {}) : second(kSecond, options) {
    second.set_master(false);
    first.join();
    next_batch();  // that there is nothing yet
  }
  std::string next_batch() {
    std::string batch;
    while (first.fill(batch, batch.size() + 10'000).more) {
    }
    return batch;
  }
  void synchronize() { ASSERT_TRUE(second.receive_from(first, next_batch())); }
  void pass(std::uint32_t ms) {
    first.advance(ms);
    second.advance(ms);
  }
  void expect_same() {
    const auto there = second.rows();
    for (const auto& [key, row] : first.rows()) {
      const auto it = there.find(key);
      ASSERT_NE(it, there.end()) << key.tuple.sport.host();
      EXPECT_EQ(it->second.state, row.state);
      EXPECT_EQ(it->second.server, row.server);
      EXPECT_EQ(it->second.mode, row.mode);
      EXPECT_EQ(it->second.last_seen, row.last_seen);
      EXPECT_EQ(it->second.client_side, row.client_side);
      EXPECT_EQ(it->second.client_hop, row.client_hop);
    }
    EXPECT_EQ(there.size(), first.rows().size());
    EXPECT_EQ(first.wrong_counts(), "");
    EXPECT_EQ(second.wrong_counts(), "");
  }
  // The first dies.
  void fail_over() { second.set_master(true); }

  Director first{kFirst};
  Director second;
};

// Every mode and protocol in every state; returns how many.
std::uint16_t fill(Director& director) {
  std::uint16_t client = 40'000;
  for (const Course& course : kNatCourses) {
    for (unsigned n = 0; n < 3; ++n) follow(director, kNatTcp, client++, course);
  }
  for (const Course& course : kDrCourses) {
    for (unsigned n = 0; n < 3; ++n) follow(director, kDrTcp, client++, course);
  }
  for (const std::size_t offer : {kNatUdp, kDrUdp}) {
    for (unsigned n = 0; n < 3; ++n) establish(director, offer, client++);
  }
  return static_cast<std::uint16_t>(client - 40'000);
}

// ---- the same

TEST(Import, EveryStateModeAndProtocol) {
  ImportPair pair;
  fill(pair.first);
  std::set<ConnState> states;
  for (const auto& [key, row] : pair.first.rows()) states.insert(row.state);
  EXPECT_EQ(states.size(), 7U) << "the courses lead where they say";
  pair.synchronize();
  pair.expect_same();
  EXPECT_EQ(pair.second.imported(ImportOutcome::created), pair.first.connections());
}

void expect_equal(const Output& a, const Output& b) {
  EXPECT_EQ(a.verdict, b.verdict);
  EXPECT_EQ(a.reason, b.reason);
  if (a.verdict == Verdict::kForward) {
    EXPECT_EQ(a.egress, b.egress);
  }
  EXPECT_EQ(a.frame, b.frame);
}

TEST(Import, PacketsGoOnByteForByte) {
  ImportPair pair;
  fill(pair.first);
  pair.synchronize();
  pair.fail_over();
  unsigned forwarded = 0;
  for (const auto& [key, row] : pair.first.rows()) {
    const std::uint16_t client = key.tuple.sport.host();
    const std::size_t offer = static_cast<std::size_t>(
        std::ranges::find_if(kOffer,
                             [vip = key.tuple.dst](const OfferOf& o) {
                               return Ipv4Endpoint::parse(o.address)->address.be == vip;
                             }) -
        kOffer.begin());
    const Bytes up = Director::client_frame(offer, client, kAck, pattern(1 + client % 1'400));
    const Bytes down = Director::server_frame(offer, row.server == kOffer[offer].servers[0] ? 0 : 1,
                                              client, kAck, pattern(1 + client % 1'300));
    const Output out = pair.second.send(kWan, up);
    forwarded += out.verdict == Verdict::kForward ? 1 : 0;
    if (out.verdict == Verdict::kForward) {
      EXPECT_EQ(test::verify(out.frame), "");
    }
    expect_equal(out, pair.first.send(kWan, up));
    expect_equal(pair.second.send(kLan, down), pair.first.send(kLan, down));
    // The other server's packets are none of its.
    const Bytes stray = Director::server_frame(
        offer, row.server == kOffer[offer].servers[0] ? 1 : 0, client, kAck, pattern(9));
    expect_equal(pair.second.send(kLan, stray), pair.first.send(kLan, stray));
  }
  EXPECT_EQ(forwarded, pair.first.connections());
  // What these segments prove only the first knows, which has seen those before.
  EXPECT_EQ(pair.second.connections(), pair.first.connections());
  EXPECT_EQ(pair.second.wrong_counts(), "");
}

TEST(Import, IcmpErrorsAndFragmentsGoOn) {
  ImportPair pair;
  establish(pair.first, kNatUdp, 40'000);
  pair.synchronize();
  pair.fail_over();
  const unsigned server = server_of(pair.first, kNatUdp, 40'000);
  const Bytes quote =
      test::udp_packet({.src = kClient, .dst = kOffer[kNatUdp].servers[server], .ttl = 58},
                       {.sport = 40'000, .dport = 8'080, .payload = pattern(20)});
  const Bytes unreachable =
      test::icmp_frame({.dst = kLanMac, .src = kServer1Mac},
                       {.src = kOffer[kNatUdp].servers[server], .dst = kClient},
                       {.type = 3, .code = 3, .payload = quote});
  const Output out = pair.second.send(kLan, unreachable);
  EXPECT_EQ(out.verdict, Verdict::kForward);
  expect_equal(out, pair.first.send(kLan, unreachable));
  for (const Bytes& fragment :
       test::fragments(Director::client_frame(kNatUdp, 40'000, 0, pattern(3'000)), 1'400)) {
    const Output piece = pair.second.send(kWan, fragment);
    EXPECT_EQ(piece.verdict, Verdict::kForward);
    expect_equal(piece, pair.first.send(kWan, fragment));
  }
}

// ---- time

ConnTimeouts rising() {
  ConnTimeouts timeouts;
  std::uint32_t ticks = 100;
  test::for_each_timeout(timeouts, [&](auto& timeout) { timeout = test::ticks(ticks += 40); });
  return timeouts;
}

// Each state's connections end at the same tick on both.
void expect_to_end_together(ImportPair& pair) {
  pair.first.apply();
  pair.second.set_master(false);
  fill(pair.first);
  pair.pass(9'000);
  pair.synchronize();
  pair.fail_over();
  std::set<std::uint64_t> counts;
  for (unsigned tick = 0; tick < 450; ++tick) {
    pair.pass(100);
    ASSERT_EQ(pair.first.connections(), pair.second.connections()) << tick;
    counts.insert(pair.first.connections());
  }
  EXPECT_EQ(counts.size(), 8U) << "each state at its own time, none of them at the beginning";
  EXPECT_EQ(pair.second.connections(), 0U);
  EXPECT_EQ(pair.second.wrong_counts(), "");
}

TEST(Import, TimeoutsRunOn) {
  ImportPair pair;
  pair.first.spec.timeouts = pair.second.spec.timeouts = rising();
  expect_to_end_together(pair);
}

TEST(Import, TimeoutsOfAServicesOwnRunOn) {
  ImportPair pair;
  for (std::size_t offer = 0; offer < kOffers; ++offer) {
    pair.first.service(offer).timeouts = pair.second.service(offer).timeouts = rising();
  }
  pair.first.spec.timeouts = test::all_timeouts(50);
  pair.second.spec.timeouts = test::all_timeouts(50);
  expect_to_end_together(pair);
}

TEST(Import, AChangedStateHasTheServicesOwnLifetime) {
  ImportPair pair;
  for (Director* each : {&pair.first, &pair.second}) {
    each->service(kNatTcp).timeouts = each->spec.timeouts;
    each->service(kNatTcp).timeouts->tcp_closed = test::ticks(20);
  }
  pair.first.apply();
  pair.second.set_master(false);
  establish(pair.first, kNatTcp, 40'000);
  pair.synchronize();
  pair.first.from_client(kNatTcp, 40'000, kRst);
  pair.synchronize();
  pair.pass(1'500);
  EXPECT_EQ(pair.second.connections(), 1U);
  pair.pass(1'000);
  EXPECT_EQ(pair.first.connections(), 0U);
  EXPECT_EQ(pair.second.connections(), 0U) << "the deadline moved to the nearer one";
}

TEST(Import, KeepsConnectionsThatAreActiveAtTheMaster) {
  ImportPair pair;
  establish(pair.first, kNatTcp, 40'000);
  establish(pair.first, kNatTcp, 40'001);
  pair.synchronize();
  for (unsigned second = 0; second < 200; ++second) {
    pair.pass(1'000);
    pair.first.from_client(kNatTcp, 40'000, kAck);
    pair.synchronize();
  }
  EXPECT_EQ(pair.first.connections(), 1U);
  ASSERT_EQ(pair.second.connections(), 1U);
  const std::uint32_t age = pair.second.now() - pair.second.rows().begin()->second.last_seen;
  EXPECT_LE(age, 200U) << "a third of the lifetime";
}

TEST(Import, DoesNotCreateExpiredConnections) {
  ImportPair pair;
  establish(pair.first, kNatTcp, 40'000);
  pair.second.spec.timeouts = test::all_timeouts(50);
  pair.second.set_master(false);
  pair.first.advance(10'000);
  pair.second.advance(10'000);
  pair.synchronize();
  EXPECT_EQ(pair.second.connections(), 0U);
  EXPECT_GE(pair.second.imported(ImportOutcome::too_old), 1U);
}

// A state with a shorter lifetime takes effect though the deadline was set for a longer one.
TEST(Import, AChangedStateHasItsOwnLifetime) {
  ImportPair pair;
  for (Director* director : {&pair.first, &pair.second}) {
    director->spec.timeouts.tcp_closed = test::ticks(20);
  }
  pair.first.apply();
  pair.second.set_master(false);
  establish(pair.first, kNatTcp, 40'000);
  pair.synchronize();
  pair.first.from_client(kNatTcp, 40'000, kRst);
  pair.synchronize();
  pair.expect_same();
  pair.second.advance(1'900);
  EXPECT_EQ(pair.second.connections(), 1U);
  pair.second.advance(100);
  EXPECT_EQ(pair.second.connections(), 0U);
}

// ---- changes

TEST(Import, FollowsEveryChange) {
  ImportPair pair;
  establish(pair.first, kNatTcp, 40'000);
  pair.synchronize();
  pair.expect_same();
  const unsigned server = server_of(pair.first, kNatTcp, 40'000);
  for (const char segment : {'c', 's', 'a'}) {
    if (segment == 's') {
      pair.first.from_server(kNatTcp, server, 40'000, kFin | kAck);
    } else {
      pair.first.from_client(kNatTcp, 40'000, segment == 'c' ? kFin | kAck : kAck);
    }
    pair.synchronize();
    pair.expect_same();
  }
  EXPECT_EQ(pair.first.rows().begin()->second.state, ConnState::kClosed);
  EXPECT_EQ(pair.second.imported(ImportOutcome::updated), 3U);
}

TEST(Import, FollowsTheClientsRouter) {
  ImportPair pair;
  establish(pair.first, kNatTcp, 40'000);
  pair.synchronize();
  Bytes moved = Director::client_frame(kNatTcp, 40'000, kFin | kAck);
  moved[11] = 0x77;  // its MAC address
  pair.first.send(kWan, moved);
  pair.synchronize();
  pair.expect_same();
}

TEST(Import, EndsConnections) {
  ImportPair pair;
  establish(pair.first, kNatTcp, 40'000);
  pair.synchronize();
  pair.first.from_client(kNatTcp, 40'000, kRst);
  pair.synchronize();
  pair.first.advance(60'000);
  EXPECT_EQ(pair.second.connections(), 1U);
  pair.synchronize();
  EXPECT_EQ(pair.second.connections(), 0U);
  EXPECT_EQ(pair.second.imported(ImportOutcome::ended), 1U);
  EXPECT_EQ(pair.second.wrong_counts(), "");
}

// The client's port anew: the old one's end, late, is not the new one's.
TEST(Import, ALateEndDoesNotEndWhatFollowed) {
  ImportPair pair;
  establish(pair.first, kNatTcp, 40'000);
  const auto before = decode_batch(pair.next_batch()).value();
  SyncEntry end = *std::ranges::find(before, SyncKind::kConn, &SyncEntry::kind);
  end.kind = SyncKind::kEnd;
  pair.first.from_client(kNatTcp, 40'000, kRst);
  pair.first.advance(60'000);
  establish(pair.first, kNatTcp, 40'000);
  pair.synchronize();
  pair.second.receive(std::span(&end, 1));
  EXPECT_EQ(pair.second.connections(), 1U);
  EXPECT_EQ(pair.second.imported(ImportOutcome::unmatched), 2U) << "the first was unknown to it";
}

TEST(Import, AReopenedPortMayHaveAnotherServer) {
  ImportPair pair;
  establish(pair.first, kNatTcp, 40'000);
  pair.synchronize();
  const unsigned before = server_of(pair.second, kNatTcp, 40'000);
  pair.first.from_client(kNatTcp, 40'000, kFin | kAck);
  pair.first.from_server(kNatTcp, before, 40'000, kFin | kAck);
  pair.first.from_client(kNatTcp, 40'000, kAck);
  establish(pair.first, kNatTcp, 40'000, 0, kNextIsn);  // on a closed one, in the same batch
  ASSERT_NE(server_of(pair.first, kNatTcp, 40'000), before);
  pair.synchronize();
  pair.expect_same();
}

}  // namespace
}  // namespace lb::golden
