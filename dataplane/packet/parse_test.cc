#include "dataplane/packet/parse.h"

#include <gtest/gtest.h>

#include "dataplane/packet/testing/builder.h"

namespace lb {
namespace {

using test::Bytes;
using test::ip;
using test::PacketBuffer;

bool is_same_packet(const Packet& a, const Packet& b) {
  return a.kind == b.kind && a.reason == b.reason && a.tuple == b.tuple && a.ip_len == b.ip_len &&
         a.vlan == b.vlan && a.l3 == b.l3 && a.l4 == b.l4 && a.proto == b.proto &&
         a.tcp_flags == b.tcp_flags;
}

// What parse_common() takes, it takes as parse() does. Returns whether it takes it.
bool is_common(const Bytes& frame, bool csum_known_good = false) {
  PacketBuffer quick(frame, 0);
  PacketBuffer whole(frame, 0);
  quick.packet.csum_known_good = csum_known_good;
  whole.packet.csum_known_good = csum_known_good;
  parse(whole.packet);
  if (!parse_common(quick.packet)) return false;
  EXPECT_TRUE(is_same_packet(quick.packet, whole.packet));
  EXPECT_TRUE(whole.packet.kind == PacketKind::kData ||
              whole.packet.kind == PacketKind::kTcpControl);
  return true;
}

void expect_kind(const Bytes& frame, PacketKind kind, DropReason reason = DropReason::none) {
  PacketBuffer buffer(frame, 0);
  parse(buffer.packet);
  EXPECT_EQ(buffer.packet.kind, kind);
  EXPECT_EQ(buffer.packet.reason, reason);
  EXPECT_EQ(buffer.frame(), frame) << "parse() changed the packet";
  is_common(frame);
}

// The frame with one byte replaced and the IPv4 header checksum fixed (untagged, no options).
Bytes with_byte(Bytes frame, std::size_t at, std::uint8_t value) {
  frame[at] = value;
  unsigned sum = 0;
  for (std::size_t i = 14; i < 34; i += 2) {
    if (i != 24) sum += frame[i] * 256u + frame[i + 1];
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  frame[24] = static_cast<std::uint8_t>(~sum >> 8);
  frame[25] = static_cast<std::uint8_t>(~sum);
  return frame;
}

TEST(Parse, FindsTheFieldsOfATcpPacket) {
  PacketBuffer buffer(test::tcp_frame(
      {}, {.ttl = 7}, {.flags = test::kAck | test::kPsh, .payload = test::pattern(100)}));
  Packet& packet = buffer.packet;
  parse(packet);
  EXPECT_EQ(packet.kind, PacketKind::kData);
  EXPECT_EQ(packet.reason, DropReason::none);
  EXPECT_EQ(packet.l3, 14);
  EXPECT_EQ(packet.l4, 34);
  EXPECT_EQ(packet.ip_len, 140);
  EXPECT_EQ(packet.vlan, 0);
  EXPECT_EQ(packet.proto, kProtoTcp);
  EXPECT_EQ(packet.tcp_flags, test::kAck | test::kPsh);
  EXPECT_EQ(packet.tuple, (FlowTuple{ip("198.51.100.7"), ip("192.0.2.10"), Be16::from_host(40'000),
                                     Be16::from_host(80)}));
  EXPECT_EQ(ttl(packet), 7);
  EXPECT_FALSE(dont_fragment(packet));
  EXPECT_TRUE(has_l4(packet));
}

TEST(Parse, FindsTheFieldsOfATaggedUdpPacketWithIpOptions) {
  PacketBuffer buffer(test::udp_frame({.vlan = 0x6123},
                                      {.dont_fragment = true, .options = {1, 1, 1, 1, 1}},
                                      {.sport = 5, .dport = 6, .payload = test::pattern(11)}));
  Packet& packet = buffer.packet;
  parse(packet);
  EXPECT_EQ(packet.kind, PacketKind::kData);
  EXPECT_EQ(packet.vlan, 0x123);
  EXPECT_EQ(packet.l3, 18);
  EXPECT_EQ(packet.l4, 18 + 28);
  EXPECT_EQ(packet.ip_len, 28 + 8 + 11);
  EXPECT_EQ(packet.tuple.sport.host(), 5);
  EXPECT_EQ(packet.tuple.dport.host(), 6);
  EXPECT_TRUE(dont_fragment(packet));
}

TEST(Parse, TreatsAPriorityTagAsNoVlan) {
  PacketBuffer buffer(test::udp_frame({.vlan = 0xe000}, {}, {}));
  parse(buffer.packet);
  EXPECT_EQ(buffer.packet.kind, PacketKind::kData);
  EXPECT_EQ(buffer.packet.vlan, 0);
  EXPECT_EQ(buffer.packet.l3, 18);
}

TEST(Parse, SortsTcpByItsControlFlags) {
  for (const std::uint8_t flag : {test::kSyn, test::kFin, test::kRst}) {
    expect_kind(test::tcp_frame({}, {}, {.flags = flag}), PacketKind::kTcpControl);
    const auto with_ack = static_cast<std::uint8_t>(flag | test::kAck);
    expect_kind(test::tcp_frame({}, {}, {.flags = with_ack}), PacketKind::kTcpControl);
  }
  expect_kind(test::tcp_frame({}, {}, {.flags = 0}), PacketKind::kData);
  expect_kind(test::tcp_frame({}, {}, {.flags = 0xf8}), PacketKind::kData);
}

TEST(Parse, AllowsPaddingBehindThePacket) {
  PacketBuffer buffer(test::pad(test::udp_frame({}, {}, {})));
  parse(buffer.packet);
  EXPECT_EQ(buffer.packet.kind, PacketKind::kData);
  EXPECT_EQ(buffer.packet.ip_len, 28);
  EXPECT_EQ(buffer.packet.len, 60);
}

TEST(Parse, LeavesToTheKernelWhatIsNotOurs) {
  expect_kind(test::pad(test::frame({.type = 0x0806}, test::pattern(28))), PacketKind::kKernel);
  expect_kind(test::frame({.type = 0x86dd}, test::pattern(60)), PacketKind::kKernel);
  expect_kind(test::frame({.vlan = 5, .type = 0x0806}, test::pattern(28)), PacketKind::kKernel);
  expect_kind(test::frame({.vlan = 5, .type = 0x8100}, test::pattern(60)), PacketKind::kKernel);
  expect_kind(test::frame({.type = 60}, test::pattern(60)), PacketKind::kKernel);
  for (const int proto : {0, 2, 47, 112, 132, 255}) {
    expect_kind(
        test::frame({}, test::ip_packet({}, static_cast<std::uint8_t>(proto), test::pattern(40))),
        PacketKind::kKernel);
  }
  expect_kind(test::udp_frame({.dst = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, {}, {}),
              PacketKind::kKernel);
  expect_kind(test::udp_frame({.dst = {0x01, 0, 0x5e, 0, 0, 18}}, {}, {}), PacketKind::kKernel);
}

TEST(Parse, LeavesToTheKernelWhatARouterMayNotForward) {
  for (const char* address : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.18", "239.255.255.255",
                              "240.0.0.1", "255.255.255.255"}) {
    expect_kind(test::udp_frame({}, {.dst = ip(address)}, {}), PacketKind::kKernel);
  }
  for (const char* address : {"1.0.0.0", "126.255.255.255", "128.0.0.1", "223.255.255.255"}) {
    expect_kind(test::udp_frame({}, {.dst = ip(address)}, {}), PacketKind::kData);
    expect_kind(test::udp_frame({}, {.src = ip(address)}, {}), PacketKind::kData);
  }
}

TEST(Parse, DistinguishesIcmpErrorsFromOtherIcmp) {
  for (const int type : {3, 4, 11, 12}) {
    expect_kind(test::icmp_frame({}, {}, {.type = static_cast<std::uint8_t>(type)}),
                PacketKind::kIcmpError);
  }
  for (const int type : {0, 5, 8, 13, 255}) {
    expect_kind(test::icmp_frame({}, {}, {.type = static_cast<std::uint8_t>(type)}),
                PacketKind::kKernel);
  }
  expect_kind(test::frame({}, test::ip_packet({}, kProtoIcmp, Bytes{3, 0, 0, 0, 0, 0, 0})),
              PacketKind::kKernel);
  expect_kind(test::icmp_frame({}, {.more_fragments = true}, {.type = 3}), PacketKind::kKernel);
}

TEST(Parse, KnowsEveryTruncation) {
  for (const bool tagged : {false, true}) {
    test::Ethernet eth;
    if (tagged) eth.vlan = 9;
    const Bytes whole =
        test::tcp_frame(eth, {.options = {1, 1, 1, 1}}, {.payload = test::pattern(9)});
    for (std::size_t n = 0; n < whole.size(); ++n) {
      SCOPED_TRACE(n);
      expect_kind(test::cut(whole, n), PacketKind::kBad, DropReason::truncated);
    }
    expect_kind(whole, PacketKind::kData);
  }
}

TEST(Parse, RejectsBadIpHeaders) {
  const Bytes good = test::udp_frame({}, {}, {.payload = test::pattern(20)});
  expect_kind(with_byte(good, 14, 0x55), PacketKind::kBad, DropReason::bad_ip_header);
  expect_kind(with_byte(good, 14, 0x44), PacketKind::kBad, DropReason::bad_ip_header);
  expect_kind(with_byte(good, 17, 19), PacketKind::kBad, DropReason::bad_ip_header);
  expect_kind(with_byte(good, 17, 49), PacketKind::kBad, DropReason::truncated);
}

TEST(Parse, VerifiesTheIpChecksumUnlessTheNicDid) {
  for (const Bytes& options : {Bytes{}, test::pattern(40)}) {
    const Bytes good = test::udp_frame({}, {.options = options}, {.payload = test::pattern(20)});
    const std::size_t end = 14 + 20 + options.size();
    for (std::size_t at = 18; at < end; ++at) {
      SCOPED_TRACE(at);
      Bytes frame = good;
      frame[at] ^= 0x10;
      expect_kind(frame, PacketKind::kBad, DropReason::bad_ip_checksum);
    }
    Bytes frame = good;
    frame[24] ^= 1;
    PacketBuffer buffer(frame);
    buffer.packet.csum_known_good = true;
    parse(buffer.packet);
    EXPECT_EQ(buffer.packet.kind, PacketKind::kData);
  }
}

TEST(Parse, RejectsBadTcpAndUdpHeaders) {
  const Bytes tcp = test::tcp_frame({}, {}, {.payload = test::pattern(10)});
  expect_kind(with_byte(tcp, 46, 0x40), PacketKind::kBad, DropReason::bad_l4_header);
  expect_kind(with_byte(tcp, 46, 0x70), PacketKind::kData);  // 28 of 30 bytes
  expect_kind(with_byte(tcp, 46, 0x80), PacketKind::kBad, DropReason::bad_l4_header);
  expect_kind(with_byte(tcp, 17, 39), PacketKind::kBad, DropReason::bad_l4_header);

  const Bytes udp = test::udp_frame({}, {}, {.payload = test::pattern(10)});
  expect_kind(with_byte(udp, 39, 7), PacketKind::kBad, DropReason::bad_l4_header);
  expect_kind(with_byte(udp, 39, 19), PacketKind::kBad, DropReason::bad_l4_header);
  expect_kind(with_byte(udp, 39, 8), PacketKind::kData);
  expect_kind(with_byte(udp, 17, 27), PacketKind::kBad, DropReason::bad_l4_header);
}

TEST(Parse, ReadsPortsFromFirstFragmentsOnly) {
  const Bytes whole = test::udp_frame({}, {}, {.payload = test::pattern(3000)});
  const std::vector<Bytes> pieces = test::fragments(whole, 1500);
  ASSERT_EQ(pieces.size(), 3u);
  FragmentKey key;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    EXPECT_EQ(test::verify(pieces[i]), "");
    PacketBuffer buffer(pieces[i]);
    parse(buffer.packet);
    EXPECT_EQ(buffer.packet.kind, PacketKind::kFragment);
    EXPECT_EQ(is_first_fragment(buffer.packet), i == 0);
    EXPECT_EQ(has_l4(buffer.packet), i == 0);
    EXPECT_EQ(buffer.packet.tuple.dport.host(), i == 0 ? 53 : 0);
    EXPECT_EQ(buffer.packet.tuple.dst, ip("192.0.2.10"));
    if (i == 0) key = fragment_key(buffer.packet);
    EXPECT_EQ(fragment_key(buffer.packet), key);
  }
  EXPECT_EQ(
      key, (FragmentKey{ip("198.51.100.7"), ip("192.0.2.10"), Be16::from_host(0x1234), kProtoUdp}));
  EXPECT_EQ(test::reassemble(pieces), whole);
}

TEST(Parse, RequiresTheWholeL4HeaderInTheFirstFragment) {
  const test::Ipv4 first{.more_fragments = true};
  const Bytes tcp =
      test::cut(test::tcp_packet({}, {.options = Bytes(4, 1), .payload = test::pattern(40)}), 100);
  const auto l4 = [](const Bytes& packet, std::size_t n) {
    return Bytes(packet.begin() + 20, packet.begin() + 20 + static_cast<std::ptrdiff_t>(n));
  };
  const auto fragment = [&](std::uint8_t proto, const Bytes& payload) {
    return test::frame({}, test::ip_packet(first, proto, payload));
  };
  expect_kind(fragment(kProtoTcp, l4(tcp, 8)), PacketKind::kBad, DropReason::fragment_too_short);
  expect_kind(fragment(kProtoTcp, l4(tcp, 20)), PacketKind::kBad, DropReason::fragment_too_short);
  expect_kind(fragment(kProtoTcp, l4(tcp, 24)), PacketKind::kFragment);
  Bytes short_offset = l4(tcp, 24);
  short_offset[12] = 0x40;
  expect_kind(fragment(kProtoTcp, short_offset), PacketKind::kBad, DropReason::bad_l4_header);

  const Bytes udp = test::udp_packet({}, {.payload = test::pattern(100)});
  expect_kind(fragment(kProtoUdp, l4(udp, 0)), PacketKind::kBad, DropReason::fragment_too_short);
  expect_kind(fragment(kProtoUdp, l4(udp, 7)), PacketKind::kBad, DropReason::fragment_too_short);
  expect_kind(fragment(kProtoUdp, l4(udp, 8)), PacketKind::kFragment);
  Bytes short_length = l4(udp, 16);
  short_length[4] = 0;
  short_length[5] = 7;
  expect_kind(fragment(kProtoUdp, short_length), PacketKind::kBad, DropReason::bad_l4_header);
}

TEST(Parse, IgnoresPortsInLaterFragments) {
  const test::Ipv4 last{.offset = 1480};
  for (const std::uint8_t proto : {kProtoTcp, kProtoUdp}) {
    for (const std::size_t n : {0u, 1u, 8u}) {
      expect_kind(test::frame({}, test::ip_packet(last, proto, test::pattern(n))),
                  PacketKind::kFragment);
    }
  }
  expect_kind(test::frame({}, test::ip_packet(last, kProtoIcmp, test::pattern(8))),
              PacketKind::kKernel);
  expect_kind(test::frame({}, test::ip_packet(last, 132, test::pattern(8))), PacketKind::kKernel);
}

TEST(Parse, ForgetsWhatThePacketBeforeItLeft) {
  PacketBuffer buffer(test::tcp_frame({.vlan = 77}, {}, {.flags = test::kSyn}));
  parse(buffer.packet);
  const Bytes arp = test::pad(test::frame({.type = 0x0806}, test::pattern(28)));
  PacketBuffer next(arp);
  Packet& packet = buffer.packet;
  packet.data = next.packet.data;
  packet.len = next.packet.len;
  packet.reason = DropReason::truncated;
  parse(packet);
  EXPECT_EQ(packet.kind, PacketKind::kKernel);
  EXPECT_EQ(packet.reason, DropReason::none);
  EXPECT_EQ(packet.l3, 0);
  EXPECT_EQ(packet.vlan, 0);
  EXPECT_EQ(packet.ip_len, 0);
  EXPECT_EQ(packet.proto, 0);
  EXPECT_EQ(packet.tcp_flags, 0);
  EXPECT_EQ(packet.tuple, FlowTuple{});
}

TEST(ParseCommon, AcceptsNearlyEveryPacket) {
  EXPECT_TRUE(is_common(test::tcp_frame({}, {}, {.flags = test::kAck})));
  EXPECT_TRUE(is_common(test::tcp_frame({}, {}, {.flags = test::kSyn})));
  EXPECT_TRUE(is_common(test::tcp_frame({}, {}, {.payload = test::pattern(1400)})));
  EXPECT_TRUE(is_common(test::udp_frame({}, {}, {.payload = test::pattern(12)})));
  EXPECT_FALSE(is_common(test::udp_frame({.vlan = 5}, {}, {.payload = test::pattern(12)})));
  EXPECT_FALSE(is_common(test::udp_frame({}, {.options = {1, 1, 1, 1}}, {})));
}

// Whatever one byte is.
TEST(ParseCommon, AgreesWithTheWholeParser) {
  for (const Bytes& frame : {test::tcp_frame({}, {}, {.payload = test::pattern(20)}),
                             test::udp_frame({}, {}, {.payload = test::pattern(20)})}) {
    unsigned taken = 0;
    for (std::size_t at = 0; at < 54; ++at) {
      for (unsigned value = 0; value < 256; ++value) {
        const auto byte = static_cast<std::uint8_t>(value);
        taken += is_common(with_byte(frame, at, byte)) ? 1U : 0U;
        Bytes unmended = frame;
        unmended[at] = byte;
        is_common(unmended);
        is_common(unmended, true);
      }
    }
    EXPECT_GT(taken, 54u * 128);
  }
}

}  // namespace
}  // namespace lb
