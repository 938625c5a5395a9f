#include <gtest/gtest.h>

#include <optional>

#include "dataplane/packet/parse.h"
#include "dataplane/packet/rewrite.h"
#include "dataplane/packet/testing/builder.h"

namespace lb {
namespace {

using test::Bytes;
using test::ip;
using test::PacketBuffer;

// A router on the server's side reports to the VIP's client that the server's port is not
// reachable: the quote is the packet as the director sent it to the server.
const test::Ipv4 kOuter{.src = ip("10.0.0.1"), .dst = ip("198.51.100.7")};
const test::Ipv4 kInner{.src = ip("198.51.100.7"), .dst = ip("10.0.0.11"), .ttl = 62};
const FlowTuple kToClient{ip("198.51.100.7"), ip("192.0.2.10"), Be16::from_host(40'000),
                          Be16::from_host(80)};

Bytes error_about(const Bytes& quote, const test::Ipv4& outer = kOuter) {
  return test::icmp_frame({}, outer, {.type = 3, .code = 4, .rest = 1400, .payload = quote});
}

void expect_no_quote(const Bytes& frame, DropReason reason) {
  PacketBuffer buffer(frame, 0);
  parse(buffer.packet);
  ASSERT_EQ(buffer.packet.kind, PacketKind::kIcmpError);
  IcmpQuote quote;
  EXPECT_FALSE(parse_icmp_quote(buffer.packet, quote));
  EXPECT_EQ(buffer.packet.reason, reason);
  EXPECT_EQ(buffer.frame(), frame);
}

// Takes the error about `quoted` to the client and compares with the error about `expected`.
void expect_rewrite(const Bytes& quoted, const Bytes& expected, const test::Ipv4& outer = kOuter) {
  PacketBuffer buffer(error_about(quoted, outer), 0);
  Packet& packet = buffer.packet;
  parse(packet);
  IcmpQuote quote;
  ASSERT_TRUE(parse_icmp_quote(packet, quote));
  EXPECT_EQ(packet.reason, DropReason::none);
  EXPECT_EQ(quote.tuple.src, ip("198.51.100.7"));
  EXPECT_EQ(quote.tuple.dst, ip("10.0.0.11"));
  rewrite_icmp_error(packet, quote, ip("192.0.2.10"), ip("203.0.113.9"), kToClient);
  test::Ipv4 to = outer;
  to.src = ip("192.0.2.10");
  to.dst = ip("203.0.113.9");
  --to.ttl;
  EXPECT_EQ(buffer.frame(), error_about(expected, to));
  EXPECT_EQ(test::verify(buffer.frame()), "");
}

test::Ipv4 inner_after(test::Ipv4 before = kInner) {
  before.dst = ip("192.0.2.10");
  return before;
}

TEST(IcmpQuote, ReadsTheTupleAsQuoted) {
  PacketBuffer buffer(error_about(test::cut(test::udp_packet({.options = Bytes(8, 1)}, {}), 36)));
  parse(buffer.packet);
  IcmpQuote quote;
  ASSERT_TRUE(parse_icmp_quote(buffer.packet, quote));
  EXPECT_EQ(quote.tuple, (FlowTuple{ip("198.51.100.7"), ip("192.0.2.10"), Be16::from_host(40'000),
                                    Be16::from_host(53)}));
  EXPECT_EQ(quote.proto, kProtoUdp);
  EXPECT_EQ(quote.inner_l3, 42);
  EXPECT_EQ(quote.inner_l4, 70);
}

TEST(IcmpQuote, RefusesTruncatedOrMalformedQuotes) {
  const Bytes quoted = test::udp_packet({.options = Bytes(4, 1)}, {});
  for (std::size_t n = 0; n < 32; ++n) {
    SCOPED_TRACE(n);
    expect_no_quote(error_about(test::cut(quoted, n)), DropReason::bad_icmp_quote);
  }
  Bytes version_6 = quoted;
  version_6[0] = 0x66;
  expect_no_quote(error_about(version_6), DropReason::bad_icmp_quote);
  Bytes short_header = quoted;
  short_header[0] = 0x44;
  expect_no_quote(error_about(short_header), DropReason::bad_icmp_quote);
  Bytes long_header = quoted;
  long_header[0] = 0x4f;
  expect_no_quote(error_about(long_header), DropReason::bad_icmp_quote);
}

TEST(IcmpQuote, DoesNotReadEthernetPadding) {
  const Bytes frame = error_about(test::cut(test::udp_packet({}, {}), 27));
  expect_no_quote(test::pad(frame, 100), DropReason::bad_icmp_quote);
}

TEST(IcmpQuote, LeavesErrorsOfNoConnectionToTheKernel) {
  expect_no_quote(error_about(test::icmp_packet({}, {})), DropReason::none);
  expect_no_quote(error_about(test::ip_packet({}, 47, test::pattern(8))), DropReason::none);
  expect_no_quote(error_about(test::ip_packet({.offset = 1480}, kProtoUdp, test::pattern(8))),
                  DropReason::none);
}

TEST(IcmpQuote, VerifiesTheIcmpChecksum) {
  const Bytes good = error_about(test::tcp_packet(kInner, {.payload = test::pattern(3)}));
  for (std::size_t at = 35; at < good.size(); at += 3) {
    if (at >= 42 && at < 70) continue;  // the quoted header, whose fields decide first
    SCOPED_TRACE(at);
    Bytes bad = good;
    bad[at] ^= 0x40;
    expect_no_quote(bad, DropReason::bad_icmp_checksum);
  }
}

TEST(RewriteIcmpError, CorrectsEveryChecksumOfAWholeQuote) {
  const test::Tcp tcp{.payload = test::pattern(101)};
  expect_rewrite(test::tcp_packet(kInner, tcp), test::tcp_packet(inner_after(), tcp));
  const test::Udp udp{.dport = 80, .payload = test::pattern(12)};
  expect_rewrite(test::udp_packet(kInner, udp), test::udp_packet(inner_after(), udp));
}

TEST(RewriteIcmpError, TranslatesThePortsToo) {
  const test::Udp before{.dport = 8080, .payload = test::pattern(12)};
  const test::Udp after{.dport = 80, .payload = test::pattern(12)};
  expect_rewrite(test::udp_packet(kInner, before), test::udp_packet(inner_after(), after));
}

TEST(RewriteIcmpError, CorrectsAQuoteOfAnyLength) {
  const test::Tcp tcp{.payload = test::pattern(20)};
  const Bytes before = test::tcp_packet(kInner, tcp);
  const Bytes after = test::tcp_packet(inner_after(), tcp);
  for (std::size_t n = 28; n < before.size(); ++n) {
    SCOPED_TRACE(n);
    // A TCP checksum that is quoted by half cannot be corrected and stays.
    Bytes expected = test::cut(after, n);
    if (n == 37) expected[36] = before[36];
    expect_rewrite(test::cut(before, n), expected);
  }
}

TEST(RewriteIcmpError, KnowsOptionsInBothHeaders) {
  test::Ipv4 inner = kInner;
  inner.options = Bytes(40, 1);
  test::Ipv4 outer = kOuter;
  outer.options = Bytes(40, 1);
  const test::Udp udp{.dport = 80, .payload = test::pattern(7)};
  expect_rewrite(test::udp_packet(inner, udp), test::udp_packet(inner_after(inner), udp), outer);
}

TEST(RewriteIcmpError, LeavesAQuotedUdpWithoutChecksumAlone) {
  const test::Udp udp{.dport = 80, .payload = test::pattern(7), .has_checksum = false};
  expect_rewrite(test::udp_packet(kInner, udp), test::udp_packet(inner_after(), udp));
}

TEST(RewriteIcmpError, KnowsTheQuoteOfAFirstFragment) {
  const Bytes before = test::udp_packet(kInner, {.dport = 80, .payload = test::pattern(3000)});
  const Bytes after =
      test::udp_packet(inner_after(), {.dport = 80, .payload = test::pattern(3000)});
  const auto first_of = [](const Bytes& packet) {
    const Bytes piece = test::fragments(test::frame({}, packet), 1500)[0];
    return Bytes(piece.begin() + 14, piece.begin() + 14 + 28);
  };
  expect_rewrite(first_of(before), first_of(after));
}

const Be32 kDirector = ip("192.0.2.2");

TEST(MakeIcmpError, AnswersWithThePacketInside) {
  for (const std::optional<std::uint16_t> vlan :
       {std::optional<std::uint16_t>{}, std::optional<std::uint16_t>{0x6005}}) {
    for (const int headroom : {128, 28, 27, 10, 0}) {
      const Bytes packet =
          test::tcp_packet({.ttl = 1, .options = Bytes(4, 1)}, {.payload = test::pattern(700)});
      PacketBuffer buffer(test::frame({.vlan = vlan}, packet),
                          static_cast<std::uint16_t>(headroom));
      parse(buffer.packet);
      ASSERT_TRUE(make_icmp_error(buffer.packet, 11, 0, 0, kDirector));
      const test::Ethernet back{.dst = test::kMacB, .src = test::kMacA, .vlan = vlan};
      const test::Ipv4 outer{
          .src = kDirector, .dst = ip("198.51.100.7"), .tos = 0xc0, .id = 0, .dont_fragment = true};
      EXPECT_EQ(buffer.frame(),
                test::icmp_frame(back, outer, {.type = 11, .payload = test::cut(packet, 548)}));
      EXPECT_EQ(test::verify(buffer.frame()), "");
      EXPECT_TRUE(buffer.in_bounds());
      EXPECT_EQ(buffer.packet.ip_len, 576);

      // What it says of itself is what parsing finds.
      Packet parsed = buffer.packet;
      parse(parsed);
      EXPECT_EQ(parsed.kind, buffer.packet.kind);
      EXPECT_EQ(parsed.l4, buffer.packet.l4);
      EXPECT_EQ(parsed.tuple, buffer.packet.tuple);
      EXPECT_EQ(parsed.ip_len, buffer.packet.ip_len);
    }
  }
}

TEST(MakeIcmpError, ContainsTheMtu) {
  PacketBuffer buffer(test::pad(test::udp_frame({}, {.dont_fragment = true}, {.payload = {1}})));
  parse(buffer.packet);
  ASSERT_TRUE(make_icmp_error(buffer.packet, 3, 4, 1400, kDirector));
  const Bytes frame = buffer.frame();
  EXPECT_EQ(frame.size(), 14u + 28 + 29) << "padding was quoted";
  EXPECT_EQ((Bytes(frame.begin() + 38, frame.begin() + 42)), (Bytes{0, 0, 1400 >> 8, 1400 & 0xff}));
  EXPECT_EQ(test::verify(frame), "");
}

TEST(MakeIcmpError, QuotesLessInATightBuffer) {
  const Bytes original = test::udp_frame({}, {}, {.payload = test::pattern(28)});  // 70 bytes
  PacketBuffer enough(original, 0);
  parse(enough.packet);
  ASSERT_TRUE(make_icmp_error(enough.packet, 3, 3, 0, kDirector));
  EXPECT_EQ(enough.packet.len, 70);
  EXPECT_EQ(test::verify(enough.frame()), "");

  const Bytes one_less = test::udp_frame({}, {}, {.payload = test::pattern(27)});
  PacketBuffer tight(one_less, 0);
  parse(tight.packet);
  EXPECT_FALSE(make_icmp_error(tight.packet, 3, 3, 0, kDirector));
  EXPECT_EQ(tight.frame(), one_less);
}

void expect_no_answer(const Bytes& frame, Be32 source = kDirector) {
  PacketBuffer buffer(frame);
  parse(buffer.packet);
  EXPECT_FALSE(make_icmp_error(buffer.packet, 11, 0, 0, source));
  EXPECT_EQ(buffer.frame(), frame);
}

TEST(MakeIcmpError, NeverAnswersWhatRfc1122Forbids) {
  for (const int type : {3, 4, 5, 11, 12}) {
    expect_no_answer(test::icmp_frame(
        {}, {}, {.type = static_cast<std::uint8_t>(type), .payload = test::udp_packet({}, {})}));
  }
  expect_no_answer(
      test::frame({}, test::ip_packet({.offset = 1480}, kProtoUdp, test::pattern(40))));
  expect_no_answer(test::udp_frame({}, {.dst = ip("224.0.0.5")}, {}));
  expect_no_answer(test::udp_frame({}, {.dst = ip("255.255.255.255")}, {}));
  expect_no_answer(test::udp_frame({.dst = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, {}, {}));
  expect_no_answer(test::udp_frame({.src = {0x03, 0, 0, 0, 0, 1}}, {}, {}));
  for (const char* source : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"}) {
    expect_no_answer(test::udp_frame({}, {.src = ip(source)}, {}));
  }
  expect_no_answer(test::udp_frame({}, {}, {}), Be32{});
}

TEST(MakeIcmpError, AnswersAFirstFragment) {
  const Bytes whole = test::udp_frame({}, {}, {.payload = test::pattern(3000)});
  PacketBuffer buffer(test::fragments(whole, 1500)[0]);
  parse(buffer.packet);
  ASSERT_TRUE(make_icmp_error(buffer.packet, 11, 0, 0, kDirector));
  EXPECT_EQ(test::verify(buffer.frame()), "");
}

}  // namespace
}  // namespace lb
