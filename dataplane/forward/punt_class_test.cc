#include "dataplane/forward/punt_class.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/packet/testing/builder.h"
#include "dataplane/packet/wire.h"

namespace lb {
namespace {

using test::Bytes;
using test::icmp_frame;
using test::icmp_packet;
using test::ip;
using test::ip_packet;
using test::kAck;
using test::kFin;
using test::kRst;
using test::kSyn;
using test::tcp_frame;
using test::udp_frame;
using test::udp_packet;

const Be32 kOwn = ip("192.0.2.2");
const Be32 kVip = ip("192.0.2.10");
const Be32 kPeer = ip("192.0.2.77");
constexpr std::uint32_t kOneSecond = 1000 / kTickMs;
constexpr std::uint8_t kFromTheLink = 255;

class PuntClassTest : public ::testing::Test {
 protected:
  PuntClassTest() {
    snapshot_.local_addresses = {kOwn, kVip};
    std::ranges::sort(snapshot_.local_addresses, {}, &Be32::raw);
  }

  Punt punt(const Bytes& frame) const { return classify_punt(frame, snapshot_, flows_, now_); }
  PuntClass kind(const Bytes& frame) const { return punt(frame).kind; }
  void sent(const Bytes& frame) { note_own_flow(frame, snapshot_, flows_, now_); }

  // Of TCP: what the kernel sends from this port to the peer's, and what comes back.
  static Bytes tcp_out(std::uint16_t sport, std::uint16_t dport, std::uint8_t flags,
                       Be32 from = kOwn) {
    return tcp_frame({}, {.src = from, .dst = kPeer},
                     {.sport = sport, .dport = dport, .flags = flags});
  }
  static Bytes data_out(std::uint16_t sport, std::uint16_t dport, Be32 from = kOwn) {
    return tcp_frame({}, {.src = from, .dst = kPeer},
                     {.sport = sport, .dport = dport, .payload = test::pattern(10)});
  }
  static Bytes tcp_in(std::uint16_t sport, std::uint16_t dport, std::uint8_t flags,
                      Be32 to = kOwn) {
    return tcp_frame({}, {.src = kPeer, .dst = to},
                     {.sport = sport, .dport = dport, .flags = flags});
  }
  static Bytes udp_out(std::uint16_t sport, std::uint16_t dport) {
    return udp_frame({}, {.src = kOwn, .dst = kPeer}, {.sport = sport, .dport = dport});
  }
  static Bytes udp_in(std::uint16_t sport, std::uint16_t dport, Be32 from = kPeer) {
    return udp_frame({}, {.src = from, .dst = kOwn}, {.sport = sport, .dport = dport});
  }
  static Bytes vrrp(Be32 to, std::uint8_t ttl, std::uint8_t router) {
    const Bytes advert = {0x31, router, 100, 1, 0, 10, 0, 0, 192, 0, 2, 10};
    return test::frame({}, ip_packet({.src = kPeer, .dst = to, .ttl = ttl}, 112, advert));
  }

  Snapshot snapshot_;
  OwnFlows flows_{HashKey{{1, 2, 3, 4}}};
  std::uint32_t now_ = 100;
};

TEST_F(PuntClassTest, Vrrp) {
  EXPECT_EQ(kind(vrrp(ip("224.0.0.18"), kFromTheLink, 51)), PuntClass::vrrp);
  EXPECT_EQ(kind(vrrp(kOwn, kFromTheLink, 51)), PuntClass::vrrp) << "unicast";
  EXPECT_EQ(kind(vrrp(kOwn, 254, 51)), PuntClass::other) << "from beyond a router";
  EXPECT_EQ(kind(vrrp(ip("192.0.2.99"), kFromTheLink, 51)), PuntClass::other) << "to another host";
  EXPECT_NE(punt(vrrp(kOwn, kFromTheLink, 51)).source, punt(vrrp(kOwn, kFromTheLink, 52)).source)
      << "each virtual router counts alone";
}

TEST_F(PuntClassTest, Arp) {
  constexpr std::uint8_t kRequest = 1, kReply = 2;
  const auto message = [](std::uint8_t operation, Be32 sender, Be32 target) {
    Bytes packet = {0, 1, 8, 0, 6, 4, 0, operation};
    packet.resize(28);
    wire::store(packet.data() + 14, sender);
    wire::store(packet.data() + 24, target);
    return packet;
  };
  const auto arp = [&](std::uint8_t operation, Be32 sender, Be32 target) {
    return test::pad(test::frame({.type = 0x0806}, message(operation, sender, target)));
  };
  const Be32 nobody = ip("192.0.2.99");
  const Bytes request = arp(kRequest, kPeer, kOwn);
  EXPECT_EQ(kind(request), PuntClass::neighbours);
  EXPECT_EQ(kind(arp(kRequest, kPeer, kVip)), PuntClass::neighbours);
  EXPECT_EQ(kind(arp(kRequest, kPeer, kPeer)), PuntClass::neighbours) << "gratuitous";
  EXPECT_EQ(kind(arp(kReply, kPeer, kOwn)), PuntClass::neighbours);
  EXPECT_EQ(kind(arp(kReply, kPeer, nobody)), PuntClass::neighbours);
  EXPECT_EQ(kind(arp(kRequest, kPeer, nobody)), PuntClass::other) << "of a scanned router";
  EXPECT_EQ(punt(arp(kRequest, kPeer, nobody)).source, punt(request).source) << "by MAC address";

  Bytes other = request;
  other[11] ^= 1;
  EXPECT_NE(punt(request).source, punt(other).source) << "another MAC address";
  const auto tagged = [&](std::uint16_t vlan, Be32 target) {
    return punt(
        test::pad(test::frame({.vlan = vlan, .type = 0x0806}, message(kRequest, kPeer, target))));
  };
  EXPECT_EQ(tagged(30, kOwn).kind, PuntClass::neighbours);
  EXPECT_EQ(tagged(30, nobody).kind, PuntClass::other);
  EXPECT_NE(tagged(30, kOwn).source, punt(request).source) << "each VLAN counts alone";
  EXPECT_NE(tagged(30, kOwn).source, tagged(31, kOwn).source);
}

TEST_F(PuntClassTest, NeighbourDiscovery) {
  const auto icmpv6 = [](std::uint8_t type, std::uint8_t hop_limit) {
    Bytes packet(64, 0);
    packet[0] = 0x60;
    packet[6] = 58;
    packet[7] = hop_limit;
    packet[40] = type;
    return test::frame({.type = 0x86dd}, packet);
  };
  EXPECT_EQ(kind(icmpv6(135, kFromTheLink)), PuntClass::neighbours);
  EXPECT_EQ(kind(icmpv6(137, kFromTheLink)), PuntClass::neighbours);
  EXPECT_EQ(kind(icmpv6(135, 64)), PuntClass::other);
  EXPECT_EQ(kind(icmpv6(128, kFromTheLink)), PuntClass::other) << "echo request";
}

TEST_F(PuntClassTest, RepliesToWhatTheDirectorOpened) {
  EXPECT_EQ(kind(tcp_in(80, 40'001, kSyn | kAck)), PuntClass::other);
  sent(tcp_out(40'001, 80, kSyn));
  EXPECT_EQ(kind(tcp_in(80, 40'001, kSyn | kAck)), PuntClass::replies);
  EXPECT_EQ(kind(tcp_in(80, 40'001, kRst)), PuntClass::replies);
  EXPECT_EQ(kind(tcp_in(80, 40'002, kSyn | kAck)), PuntClass::other) << "another port";
  EXPECT_EQ(kind(tcp_in(80, 40'001, kAck, kVip)), PuntClass::other) << "another address";
  sent(tcp_out(40'001, 80, kAck));
  sent(tcp_out(40'001, 80, kAck | kFin));
  EXPECT_EQ(kind(tcp_in(80, 40'001, kAck | kFin)), PuntClass::replies);

  sent(udp_out(50'000, 53));
  EXPECT_EQ(kind(udp_in(53, 50'000)), PuntClass::replies);
  EXPECT_EQ(kind(udp_in(53, 50'001)), PuntClass::other);
}

TEST_F(PuntClassTest, EstablishedSessions) {
  EXPECT_EQ(kind(tcp_in(40'000, 22, kSyn)), PuntClass::other);
  sent(tcp_out(22, 40'000, kSyn | kAck));
  EXPECT_EQ(kind(tcp_in(40'000, 22, kAck)), PuntClass::other) << "anybody gets SYN + ACK";
  sent(tcp_out(22, 40'000, kAck));
  sent(test::pad(tcp_out(22, 40'000, kAck)));
  EXPECT_EQ(kind(tcp_in(40'000, 22, kAck)), PuntClass::other)
      << "and who is not through with the handshake an ACK";
  sent(data_out(22, 40'000));
  EXPECT_EQ(kind(tcp_in(40'000, 22, kAck)), PuntClass::sessions);
  now_ += 2 * 3600 * kOneSecond;
  sent(tcp_out(22, 40'000, kAck));
  now_ += 2 * 3600 * kOneSecond;
  EXPECT_EQ(kind(tcp_in(40'000, 22, kAck)), PuntClass::sessions) << "kept alive";
  EXPECT_EQ(kind(tcp_in(40'001, 22, kAck)), PuntClass::other);
  sent(data_out(22, 41'000, kVip));
  EXPECT_EQ(kind(tcp_in(41'000, 22, kAck, kVip)), PuntClass::sessions) << "by a VIP";
  sent(udp_out(161, 40'000));
  EXPECT_EQ(kind(udp_in(40'000, 161)), PuntClass::sessions) << "of a server";
}

TEST_F(PuntClassTest, WhatHasEndedIsForgotten) {
  sent(tcp_out(40'001, 80, kSyn));
  sent(data_out(22, 40'000));
  sent(udp_out(50'000, 53));
  sent(tcp_out(40'001, 80, kFin | kAck));
  sent(tcp_out(22, 40'000, kRst));
  EXPECT_EQ(kind(tcp_in(80, 40'001, kFin | kAck)), PuntClass::replies);
  EXPECT_EQ(kind(udp_in(53, 50'000)), PuntClass::replies);
  now_ += 120 * kOneSecond;
  EXPECT_EQ(kind(tcp_in(80, 40'001, kAck)), PuntClass::other);
  EXPECT_EQ(kind(tcp_in(40'000, 22, kAck)), PuntClass::other);
  EXPECT_EQ(kind(udp_in(53, 50'000)), PuntClass::other);
}

// What anyone can make the kernel send makes nobody known.
TEST_F(PuntClassTest, AnswersToStrangersMakeNoFlow) {
  sent(tcp_out(81, 40'000, kRst | kAck));
  EXPECT_EQ(kind(tcp_in(40'000, 81, kAck)), PuntClass::other);
  sent(icmp_frame({}, {.src = kOwn, .dst = kPeer}, {.type = 0, .rest = 0x12340001}));
  EXPECT_EQ(kind(icmp_frame({}, {.src = kPeer, .dst = kOwn}, {.type = 0, .rest = 0x12340001})),
            PuntClass::other);
  sent(tcp_frame({}, {.src = ip("10.0.0.11"), .dst = kPeer}, {.sport = 50, .flags = kSyn}));
  EXPECT_EQ(kind(tcp_frame({}, {.src = kPeer, .dst = ip("10.0.0.11")},
                           {.sport = 80, .dport = 50, .flags = kAck})),
            PuntClass::other)
      << "routed by the kernel";
}

TEST_F(PuntClassTest, Ping) {
  const auto echo = [](std::uint8_t type, std::uint32_t id, bool out) {
    return icmp_frame({}, {.src = out ? kOwn : kPeer, .dst = out ? kPeer : kOwn},
                      {.type = type, .rest = id << 16 | 1});
  };
  EXPECT_EQ(kind(echo(8, 7, false)), PuntClass::other);
  EXPECT_EQ(kind(echo(0, 7, false)), PuntClass::other);
  sent(echo(8, 7, true));
  EXPECT_EQ(kind(echo(0, 7, false)), PuntClass::replies);
  EXPECT_EQ(kind(echo(0, 8, false)), PuntClass::other);
  EXPECT_EQ(kind(echo(8, 7, false)), PuntClass::other);
}

TEST_F(PuntClassTest, IcmpErrorsAboutOwnPackets) {
  const auto error = [](const Bytes& quoted, Be32 router = ip("192.0.2.1")) {
    return icmp_frame({}, {.src = router, .dst = kOwn},
                      {.type = 3, .code = 3, .payload = test::cut(quoted, 28)});
  };
  const Bytes question = udp_packet({.src = kOwn, .dst = kPeer}, {.sport = 50'000, .dport = 53});
  EXPECT_EQ(kind(error(question)), PuntClass::other);
  sent(test::frame({}, question));
  EXPECT_EQ(kind(error(question)), PuntClass::replies);
  EXPECT_EQ(kind(error(udp_packet({.src = kOwn, .dst = kPeer}, {.sport = 50'001, .dport = 53}))),
            PuntClass::other);
  EXPECT_EQ(kind(error(test::cut(question, 20))), PuntClass::other) << "too short";
  const Bytes ping = icmp_packet({.src = kOwn, .dst = kPeer}, {.type = 8, .rest = 0x00070001});
  sent(test::frame({}, ping));
  EXPECT_EQ(kind(error(ping)), PuntClass::replies);

  const Bytes answer = test::tcp_packet(
      {.src = kOwn, .dst = kPeer}, {.sport = 22, .dport = 40'000, .payload = test::pattern(10)});
  EXPECT_EQ(kind(error(answer)), PuntClass::other);
  sent(test::frame({}, answer));
  EXPECT_EQ(kind(error(answer)), PuntClass::sessions) << "accepted";

  const Be32 routers[] = {ip("192.0.2.1"), ip("203.0.113.9")};
  for (const Be32 router : routers) {
    EXPECT_EQ(punt(error(question, router)).source, punt(udp_in(53, 50'000)).source)
        << "counts for the quoted peer";
    EXPECT_EQ(punt(error(answer, router)).source, punt(tcp_in(40'000, 22, kAck)).source);
  }
}

TEST_F(PuntClassTest, BgpAndBfd) {
  EXPECT_EQ(kind(tcp_in(40'000, 179, kSyn)), PuntClass::other);
  sent(data_out(179, 40'000));
  EXPECT_EQ(kind(tcp_in(40'000, 179, kAck)), PuntClass::routing) << "accepted";
  sent(tcp_out(41'000, 179, kSyn));
  EXPECT_EQ(kind(tcp_in(179, 41'000, kAck)), PuntClass::routing) << "opened";

  const auto bfd = [](std::uint16_t port, std::uint8_t ttl, Be32 from = kPeer) {
    return udp_frame({}, {.src = from, .dst = kOwn, .ttl = ttl}, {.sport = 49'152, .dport = port});
  };
  EXPECT_EQ(kind(bfd(3784, kFromTheLink)), PuntClass::other);
  sent(udp_out(49'200, 3784));
  EXPECT_EQ(kind(bfd(3784, kFromTheLink)), PuntClass::routing) << "other ports than ours";
  EXPECT_EQ(kind(bfd(3785, kFromTheLink)), PuntClass::routing);
  EXPECT_EQ(kind(bfd(3784, 254)), PuntClass::other) << "from beyond a router";
  EXPECT_EQ(kind(bfd(3785, 254)), PuntClass::routing) << "an echo that the neighbour sent back";
  EXPECT_EQ(kind(bfd(4784, 254)), PuntClass::routing) << "of many hops";
  EXPECT_EQ(kind(bfd(3784, kFromTheLink, ip("192.0.2.78"))), PuntClass::other) << "another host";
  EXPECT_EQ(kind(udp_in(49'152, 9999)), PuntClass::other);
}

TEST_F(PuntClassTest, OthersCountByNetwork) {
  const auto source = [&](const char* address) { return punt(udp_in(1, 2, ip(address))).source; };
  EXPECT_EQ(source("203.0.113.1"), source("203.0.113.254"));
  EXPECT_NE(source("203.0.113.1"), source("203.0.112.1"));
  const Bytes fragment =
      udp_frame({}, {.src = ip("203.0.113.9"), .dst = kOwn, .more_fragments = true}, {});
  EXPECT_EQ(kind(fragment), PuntClass::other);
  EXPECT_EQ(punt(fragment).source, source("203.0.113.1"));
}

TEST_F(PuntClassTest, ReadsNothingBeyondTheFrame) {
  sent(udp_out(50'000, 53));
  const Bytes quoted = udp_packet({.src = kOwn, .dst = kPeer}, {.sport = 50'000, .dport = 53});
  const Bytes whole[] = {
      vrrp(kOwn, kFromTheLink, 51),
      tcp_in(1, 2, kSyn),
      udp_in(53, 50'000),
      udp_frame({.vlan = 30}, {.options = Bytes(40, 1)}, {}),
      icmp_frame({}, {.src = kPeer, .dst = kOwn}, {.type = 3, .payload = quoted}),
      test::frame({.vlan = 30, .type = 0x0806}, Bytes{0, 1, 8, 0, 6, 4, 0, 1, 0, 0, 0, 0, 0, 0,
                                                      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
      test::frame({.type = 0x86dd}, test::pattern(60))};
  for (const Bytes& frame : whole) {
    for (std::size_t size = 0; size <= frame.size(); ++size) {
      // In memory of its own: an address sanitizer sees every byte too far.
      const Bytes part = test::cut(frame, size);
      punt(part);
      sent(part);
    }
  }
}

}  // namespace
}  // namespace lb
