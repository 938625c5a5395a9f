#include <gtest/gtest.h>

#include <optional>

#include "dataplane/packet/own_segment.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rewrite.h"
#include "dataplane/packet/testing/builder.h"

namespace lb {
namespace {

using test::Bytes;
using test::ip;
using test::kAck;
using test::kFin;
using test::kPsh;
using test::kRst;
using test::kSyn;
using test::PacketBuffer;

// The answer to `tcp` is a segment with these fields and nothing else.
void expect_reset(const test::Tcp& tcp, std::uint32_t seq, std::uint32_t ack, int flags) {
  for (const std::optional<std::uint16_t> vlan :
       {std::optional<std::uint16_t>{}, std::optional<std::uint16_t>{0x4007}}) {
    for (const Bytes& options : {Bytes{}, Bytes(40, 1)}) {
      const test::Ethernet eth{.vlan = vlan};
      const test::Ipv4 from{.ttl = 3, .tos = 0x10, .options = options};
      PacketBuffer buffer(test::pad(test::tcp_frame(eth, from, tcp)), 0);
      parse(buffer.packet);
      ASSERT_TRUE(make_reset(buffer.packet));
      const test::Ethernet back{.dst = eth.src, .src = eth.dst, .vlan = vlan};
      const test::Ipv4 to{.src = from.dst, .dst = from.src, .id = 0, .dont_fragment = true};
      EXPECT_EQ(buffer.frame(), test::tcp_frame(back, to,
                                                {.sport = tcp.dport,
                                                 .dport = tcp.sport,
                                                 .seq = seq,
                                                 .ack = ack,
                                                 .flags = static_cast<std::uint8_t>(flags),
                                                 .window = 0}));
      EXPECT_EQ(test::verify(buffer.frame()), "");
      EXPECT_TRUE(buffer.in_bounds());

      Packet parsed = buffer.packet;
      parse(parsed);
      EXPECT_EQ(parsed.kind, buffer.packet.kind);
      EXPECT_EQ(parsed.l4, buffer.packet.l4);
      EXPECT_EQ(parsed.tuple, buffer.packet.tuple);
      EXPECT_EQ(parsed.tcp_flags, buffer.packet.tcp_flags);
      EXPECT_EQ(parsed.ip_len, buffer.packet.ip_len);
    }
  }
}

TEST(MakeReset, TakesItsSequenceNumberFromTheAcknowledgment) {
  expect_reset({.seq = 7, .ack = 0x89abcdef, .flags = kAck, .payload = test::pattern(10)},
               0x89abcdef, 0, kRst);
  expect_reset({.seq = 7, .ack = 5, .flags = kAck | kFin | kPsh, .options = Bytes(12, 1)}, 5, 0,
               kRst);
  expect_reset({.seq = 7, .ack = 5, .flags = kAck | kSyn}, 5, 0, kRst);
}

TEST(MakeReset, AcknowledgesASegmentWithoutAcknowledgment) {
  expect_reset({.seq = 1000, .flags = kSyn, .options = Bytes(20, 1)}, 0, 1001, kRst | kAck);
  expect_reset({.seq = 1000, .flags = kSyn, .payload = test::pattern(9)}, 0, 1010, kRst | kAck);
  expect_reset({.seq = 1000, .flags = kFin, .payload = test::pattern(100)}, 0, 1101, kRst | kAck);
  expect_reset({.seq = 1000, .flags = 0, .payload = test::pattern(6)}, 0, 1006, kRst | kAck);
  expect_reset({.seq = 0xffff'ffff, .flags = kSyn}, 0, 0, kRst | kAck);
}

void expect_no_reset(const Bytes& frame) {
  PacketBuffer buffer(frame);
  parse(buffer.packet);
  EXPECT_FALSE(make_reset(buffer.packet));
  EXPECT_EQ(buffer.frame(), frame);
}

TEST(MakeReset, NeverAnswersAReset) {
  expect_no_reset(test::tcp_frame({}, {}, {.flags = kRst}));
  expect_no_reset(test::tcp_frame({}, {}, {.flags = kRst | kAck}));
  expect_no_reset(test::tcp_frame({}, {}, {.flags = kRst | kSyn}));
}

TEST(MakeReset, AnswersOnlyWholeUnicastSegments) {
  expect_no_reset(test::udp_frame({}, {}, {}));
  expect_no_reset(test::tcp_frame({.src = {0x03, 0, 0, 0, 0, 1}}, {}, {}));
  for (const Bytes& piece :
       test::fragments(test::tcp_frame({}, {}, {.payload = test::pattern(99)}), 76)) {
    expect_no_reset(piece);
  }
}

TEST(OwnSegment, IsAProbeByDefault) {
  const FlowTuple tuple{ip("192.0.2.10"), ip("198.51.100.7"), Be16::from_host(80),
                        Be16::from_host(40'000)};
  for (const std::uint16_t vlan : {std::uint16_t{0}, std::uint16_t{4094}}) {
    Bytes buffer(64, 0xa5);
    const std::uint16_t size =
        write_segment_frame(buffer.data(), tuple, OwnSegment{},
                            ClientHop::make(test::kMacB.data(), vlan, 3), test::kMacA.data());
    buffer.resize(size);
    test::Ethernet eth{.dst = test::kMacB, .src = test::kMacA};
    if (vlan != 0) eth.vlan = vlan;
    const test::Ipv4 ipv4{.src = tuple.src, .dst = tuple.dst, .id = 0, .dont_fragment = true};
    EXPECT_EQ(buffer,
              test::tcp_frame(eth, ipv4, {.sport = 80, .dport = 40'000, .seq = 0, .flags = kAck}));
    EXPECT_EQ(test::verify(buffer), "");
  }
}

struct OptionsCase {
  SynOffer offer;
  bool timestamps;
  std::uint8_t flags;
  Bytes options;
};

// In place of a packet with and without room: what is longer grows into the headroom.
TEST(OwnSegment, HasItsOptionsAlignedInEveryCombination) {
  const Bytes timestamps{8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
  const auto with = [&](Bytes front) {
    front.insert(front.end(), timestamps.begin(), timestamps.end());
    return front;
  };
  const OptionsCase cases[] = {
      {{1'460, kNoWindowScale, false}, false, kSyn, {2, 4, 5, 0xb4}},
      {{1'460, 8, false}, false, kSyn, {2, 4, 5, 0xb4, 1, 3, 3, 8}},
      {{1'460, kNoWindowScale, true}, false, kSyn, {2, 4, 5, 0xb4, 1, 1, 4, 2}},
      {{1'460, 8, true}, false, kSyn, {2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2}},
      {{1'460, kNoWindowScale, false}, true, kSyn, with({2, 4, 5, 0xb4, 1, 1})},
      {{1'460, 8, false}, true, kSyn, with({2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1})},
      {{1'460, kNoWindowScale, true}, true, kSyn, with({2, 4, 5, 0xb4, 4, 2})},
      {{1'460, 8, true}, true, kSyn, with({2, 4, 5, 0xb4, 1, 3, 3, 8, 4, 2})},
      {{1'460, 8, true}, false, kAck, {}},
      {{1'460, 8, true}, true, kAck, with({1, 1})},
  };
  for (const OptionsCase& c : cases) {
    OwnSegment segment{.seq = 1, .ack = 2, .flags = c.flags, .window = 3, .offer = c.offer};
    segment.timestamps = c.timestamps;
    segment.timestamp_value = 0x11223344;
    segment.timestamp_echo = 0x55667788;
    for (const std::size_t payload : {std::size_t{0}, std::size_t{3}, std::size_t{1'000}}) {
      PacketBuffer buffer(test::tcp_frame({}, {}, {.payload = test::pattern(payload)}), 20);
      parse(buffer.packet);
      const FlowTuple tuple = buffer.packet.tuple;
      ASSERT_TRUE(make_segment(buffer.packet, tuple, segment));
      EXPECT_EQ(buffer.frame(),
                test::tcp_frame(
                    {}, {.id = 0, .dont_fragment = true},
                    {.seq = 1, .ack = 2, .flags = c.flags, .window = 3, .options = c.options}));
      EXPECT_TRUE(buffer.in_bounds());
      Packet parsed = buffer.packet;
      parse(parsed);
      EXPECT_EQ(parsed.kind, buffer.packet.kind);
      EXPECT_EQ(parsed.l4, buffer.packet.l4);
      EXPECT_EQ(parsed.ip_len, buffer.packet.ip_len);
    }
  }
}

TEST(OwnSegment, NeedsRoomInFront) {
  PacketBuffer buffer(test::tcp_frame({}, {}, {}), 3);
  parse(buffer.packet);
  const Bytes before = buffer.frame();
  EXPECT_FALSE(make_segment(buffer.packet, buffer.packet.tuple, {.flags = kSyn}));
  EXPECT_EQ(buffer.frame(), before);
}

}  // namespace
}  // namespace lb
