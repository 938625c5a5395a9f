#include "dataplane/packet/rewrite.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "dataplane/packet/parse.h"
#include "dataplane/packet/testing/builder.h"

namespace lb {
namespace {

using test::Bytes;
using test::ip;
using test::PacketBuffer;

constexpr test::Mac kPortMac = {0x02, 0, 0, 0, 1, 1};
constexpr test::Mac kHopMac = {0x02, 0, 0, 0, 2, 2};

NextHop next_hop(std::optional<std::uint16_t> vlan,
                 std::optional<std::uint8_t> tos = std::nullopt) {
  NextHop hop;
  const Bytes l2 = test::frame({.dst = kHopMac, .src = kPortMac, .vlan = vlan}, {});
  std::copy(l2.begin(), l2.end(), hop.l2.begin());
  hop.set_form(static_cast<std::uint8_t>(l2.size()), tos);
  return hop;
}

TEST(RewriteNat, ChangesOnlyAddressesPortsAndChecksums) {
  const test::Tcp tcp{.seq = 77, .options = test::pattern(12), .payload = test::pattern(33)};
  PacketBuffer buffer(test::tcp_frame({}, {.options = {1, 1, 1, 1}}, tcp));
  parse(buffer.packet);
  const FlowTuple to{ip("198.51.100.7"), ip("10.0.0.11"), Be16::from_host(40'000),
                     Be16::from_host(8080)};
  rewrite_nat(buffer.packet, to, deltas(buffer.packet.tuple, to), true);

  test::Tcp expected = tcp;
  expected.dport = 8080;
  EXPECT_EQ(
      buffer.frame(),
      test::tcp_frame({}, {.dst = ip("10.0.0.11"), .ttl = 63, .options = {1, 1, 1, 1}}, expected));
}

TEST(RewriteNat, LeavesUdpWithoutChecksumAlone) {
  const FlowTuple to{ip("1.2.3.4"), ip("5.6.7.8"), Be16::from_host(9), Be16::from_host(10)};
  PacketBuffer buffer(test::udp_frame({}, {}, {.payload = {1, 2, 3}, .has_checksum = false}));
  parse(buffer.packet);
  rewrite_nat(buffer.packet, to, deltas(buffer.packet.tuple, to), true);
  EXPECT_EQ(
      buffer.frame(),
      test::udp_frame({}, {.src = to.src, .dst = to.dst, .ttl = 63},
                      {.sport = 9, .dport = 10, .payload = {1, 2, 3}, .has_checksum = false}));
}

TEST(RewriteNat, NeverTurnsAUdpChecksumIntoNone) {
  // Over all destination ports the checksum takes every value, 0xffff (for a computed 0) among
  // them, on either side of the rewrite.
  const Bytes original = test::udp_frame({}, {}, {.payload = {0xab, 0xcd}});
  unsigned all_ones = 0;
  for (unsigned port = 0; port <= 0xffff; ++port) {
    PacketBuffer buffer(original, 0);
    Packet& packet = buffer.packet;
    parse(packet);
    const FlowTuple from = packet.tuple;
    FlowTuple to = from;
    to.dport = Be16::from_host(static_cast<std::uint16_t>(port));
    const Deltas delta = deltas(from, to);
    rewrite_nat(packet, to, delta, true);
    const Bytes there = buffer.frame();
    ASSERT_EQ(test::verify(there), "") << port;
    ASSERT_NE(there[40] | there[41], 0) << port;
    all_ones += there[40] == 0xff && there[41] == 0xff;
    rewrite_nat(packet, from, delta.reversed(), true);
    ASSERT_EQ(test::verify(buffer.frame()), "") << port;
    ASSERT_NE(buffer.frame()[40] | buffer.frame()[41], 0) << port;
  }
  EXPECT_GE(all_ones, 1u);
}

TEST(RewriteNat, RewritesEveryFragmentOfADatagram) {
  const Bytes whole = test::udp_frame({}, {}, {.payload = test::pattern(4000)});
  const FlowTuple to{ip("198.51.100.7"), ip("10.0.0.12"), Be16::from_host(40'000),
                     Be16::from_host(5353)};
  Deltas delta;
  std::vector<Bytes> after;
  for (const Bytes& piece : test::fragments(whole, 1500)) {
    PacketBuffer buffer(piece);
    parse(buffer.packet);
    if (is_first_fragment(buffer.packet)) delta = deltas(buffer.packet.tuple, to);
    rewrite_nat(buffer.packet, to, delta, has_l4(buffer.packet));
    after.push_back(buffer.frame());
    EXPECT_EQ(test::verify(after.back()), "");
  }
  std::reverse(after.begin(), after.end());
  EXPECT_EQ(test::reassemble(after),
            test::udp_frame({}, {.dst = to.dst, .ttl = 63},
                            {.dport = 5353, .payload = test::pattern(4000)}));
}

// A random packet, now and then with the fields at which one's-complement sums are easily wrong.
// parse() refuses these options.
bool is_source_route(std::uint8_t type) {
  return type == 131 || type == 137;
}

class RandomPackets {
 public:
  std::uint16_t word() {
    constexpr std::uint16_t kCorners[] = {0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff};
    return random_() % 8 == 0 ? kCorners[random_() % 6] : static_cast<std::uint16_t>(random_());
  }
  Be32 address() {
    const auto first = static_cast<std::uint32_t>(128 + random_() % 96);  // a routable one
    return Be32::from_host(first << 24 | (word() & 0xffu) << 16 | word());
  }
  std::uint32_t number() { return static_cast<std::uint32_t>(random_()); }
  FlowTuple tuple() { return {address(), address(), Be16{word()}, Be16{word()}}; }
  Bytes bytes(std::size_t size) {
    Bytes out(size);
    const bool extreme = random_() % 16 == 0;
    for (auto& byte : out) byte = extreme ? 0xff : static_cast<std::uint8_t>(random_());
    return out;
  }
  Bytes frame(const FlowTuple& tuple) {
    test::Ethernet eth;
    if (random_() % 4 == 0) eth.vlan = word();
    test::Ipv4 ipv4{.src = tuple.src, .dst = tuple.dst, .id = word()};
    ipv4.ttl = static_cast<std::uint8_t>(3 + random_() % 253);
    ipv4.tos = static_cast<std::uint8_t>(random_());
    ipv4.options = bytes(random_() % 4 == 0 ? random_() % 41 : 0);
    std::ranges::replace_if(ipv4.options, is_source_route, std::uint8_t{1});
    const std::size_t payload = random_() % 100;
    if (random_() % 2 == 0) {
      return test::tcp_frame(eth, ipv4,
                             {.sport = tuple.sport.host(),
                              .dport = tuple.dport.host(),
                              .seq = number(),
                              .ack = number(),
                              .options = bytes(random_() % 41),
                              .payload = bytes(payload)});
    }
    return test::udp_frame(eth, ipv4,
                           {.sport = tuple.sport.host(),
                            .dport = tuple.dport.host(),
                            .payload = bytes(payload),
                            .has_checksum = random_() % 8 != 0});
  }

 private:
  std::mt19937 random_{20};
};

// TTL and checksums blanked: the rest has to be the same there and back.
Bytes without_rewritten_fields(Bytes frame, const Packet& packet) {
  const auto blank = [&](std::size_t at) { frame[at] = frame[at + 1] = 0; };
  blank(packet.l3 + std::size_t{wire::kIpTtl});
  blank(packet.l3 + std::size_t{wire::kIpChecksum});
  blank(packet.l4 +
        std::size_t{packet.proto == kProtoTcp ? wire::kTcpChecksum : wire::kUdpChecksum});
  return frame;
}

TEST(RewriteNat, ForthAndBackVerifiesByFullSums) {
  RandomPackets random;
  for (int round = 0; round < 100'000; ++round) {
    const FlowTuple from = random.tuple();
    const FlowTuple to = random.tuple();
    const Deltas delta = deltas(from, to);
    const Bytes original = random.frame(from);
    PacketBuffer buffer(original, 0);
    Packet& packet = buffer.packet;
    parse(packet);
    ASSERT_EQ(packet.kind, PacketKind::kData);
    ASSERT_EQ(packet.tuple, from);

    rewrite_nat(packet, to, delta, true);
    ASSERT_EQ(test::verify(buffer.frame()), "") << round;
    parse(packet);
    ASSERT_EQ(packet.tuple, to);

    rewrite_nat(packet, from, delta.reversed(), true);
    ASSERT_EQ(test::verify(buffer.frame()), "") << round;
    parse(packet);
    ASSERT_EQ(packet.tuple, from);
    ASSERT_EQ(without_rewritten_fields(buffer.frame(), packet),
              without_rewritten_fields(original, packet));
  }
}

TEST(SetNextHop, ReplacesTheEthernetHeaderAndNothingElse) {
  const Bytes inside = test::tcp_packet({.ttl = 1}, {.payload = test::pattern(5)});
  for (const std::optional<std::uint16_t> in :
       {std::optional<std::uint16_t>{}, std::optional<std::uint16_t>{0x20ff}}) {
    for (const std::optional<std::uint16_t> out :
         {std::optional<std::uint16_t>{}, std::optional<std::uint16_t>{0x00aa}}) {
      PacketBuffer buffer(test::frame({.vlan = in}, inside), 4);
      Packet& packet = buffer.packet;
      parse(packet);
      set_next_hop(packet, next_hop(out));
      EXPECT_EQ(buffer.frame(),
                test::frame({.dst = kHopMac, .src = kPortMac, .vlan = out}, inside));
      EXPECT_TRUE(buffer.in_bounds());
      EXPECT_EQ(packet.l3, out ? 18 : 14);
      EXPECT_EQ(packet.l4, packet.l3 + 20);
    }
  }
}

TEST(SetNextHop, SetsTheTosAndLeavesEcnAlone) {
  for (const unsigned tos : {0U, 4U, 184U, 252U}) {
    for (unsigned before = 0; before < 256; ++before) {
      for (const std::optional<std::uint16_t> out :
           {std::optional<std::uint16_t>{}, std::optional<std::uint16_t>{0x00aa}}) {
        const auto was = static_cast<std::uint8_t>(before);
        const auto is = static_cast<std::uint8_t>(tos | (before & 3));
        PacketBuffer buffer(test::udp_frame({}, {.tos = was}, {.payload = {1, 2}}), 4);
        parse(buffer.packet);
        set_next_hop(buffer.packet, next_hop(out, static_cast<std::uint8_t>(tos)));
        EXPECT_EQ(buffer.frame(), test::udp_frame({.dst = kHopMac, .src = kPortMac, .vlan = out},
                                                  {.tos = is}, {.payload = {1, 2}}));
      }
    }
  }
}

TEST(SetClientHop, WritesTheSameHeaderAsANextHop) {
  const Bytes inside = test::udp_packet({}, {.payload = test::pattern(5)});
  for (const std::optional<std::uint16_t> in :
       {std::optional<std::uint16_t>{}, std::optional<std::uint16_t>{77}}) {
    for (const std::uint16_t out : {std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{4094}}) {
      PacketBuffer buffer(test::frame({.vlan = in}, inside), 4);
      parse(buffer.packet);
      set_client_hop(buffer.packet, ClientHop::make(kHopMac.data(), out, 15), kPortMac.data());
      test::Ethernet eth{.dst = kHopMac, .src = kPortMac};
      if (out != 0) eth.vlan = out;
      EXPECT_EQ(buffer.frame(), test::frame(eth, inside));
      EXPECT_TRUE(buffer.in_bounds());
    }
  }
}

TEST(Rewrite, WorksAfterTheEthernetHeaderMoved) {
  PacketBuffer buffer(test::pad(test::udp_frame({.vlan = 5}, {}, {.payload = {1, 2}})), 0);
  Packet& packet = buffer.packet;
  parse(packet);
  set_next_hop(packet, next_hop({}));
  const FlowTuple to{ip("192.0.2.10"), ip("10.9.8.7"), Be16::from_host(1), Be16::from_host(2)};
  rewrite_nat(packet, to, deltas(packet.tuple, to), true);
  const Bytes expected =
      test::udp_frame({.dst = kHopMac, .src = kPortMac}, {.src = to.src, .dst = to.dst, .ttl = 63},
                      {.sport = 1, .dport = 2, .payload = {1, 2}});
  EXPECT_EQ(buffer.frame(), test::pad(expected, 56));
}

}  // namespace
}  // namespace lb
