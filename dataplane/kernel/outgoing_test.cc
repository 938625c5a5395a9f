#include "dataplane/kernel/outgoing.h"

#include <gtest/gtest.h>

#include <netinet/in.h>

#include <cstring>
#include <optional>
#include <vector>

#include "dataplane/kernel/ethernet.h"
#include "dataplane/kernel/vnet_header.h"
#include "dataplane/packet/checksum.h"
#include "dataplane/packet/testing/builder.h"
#include "dataplane/packet/wire.h"

namespace lb {
namespace {

using test::Bytes;

Bytes with_header(const VnetHeader& header, const Bytes& frame) {
  Bytes packet(sizeof header);
  std::memcpy(packet.data(), &header, sizeof header);
  packet.insert(packet.end(), frame.begin(), frame.end());
  return packet;
}

// What the kernel leaves to the device: the field has the pseudo header's sum.
void leave_checksum(Bytes& frame, std::size_t l4, std::size_t offset, std::uint8_t proto) {
  const auto bytes = static_cast<std::uint16_t>(frame.size() - l4);
  const std::uint64_t sum =
      sum_pseudo_header(wire::load<Be32>(frame.data() + l4 - 8),
                        wire::load<Be32>(frame.data() + l4 - 4), proto, bytes);
  wire::store(frame.data() + l4 + offset, fold(sum));
}

std::vector<Bytes> frames_of(Bytes packet) {
  std::vector<Bytes> frames;
  Outgoing outgoing;
  EXPECT_TRUE(outgoing.begin(packet));
  for (unsigned left = outgoing.frames(); left > 0; --left) {
    EXPECT_EQ(outgoing.frames(), left);
    // No byte more: the sanitizer sees it.
    Bytes& frame = frames.emplace_back(outgoing.next_bytes());
    outgoing.write_next(frame.data());
  }
  EXPECT_EQ(outgoing.frames(), 0U);
  return frames;
}

bool refused(Bytes packet) {
  Outgoing outgoing;
  return !outgoing.begin(packet) && outgoing.frames() == 0;
}

struct Large {
  std::optional<std::uint16_t> vlan = {};
  std::size_t payload = 40'000;
  std::uint16_t segment = 1448;
  std::uint8_t flags = test::kAck | test::kPsh | test::kFin;
  Bytes options = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};

  Bytes frame() const {
    return test::tcp_frame({.vlan = vlan}, {.id = 0xfff0, .dont_fragment = true},
                           {.seq = 0xffff'f000,
                            .flags = flags,
                            .options = options,
                            .payload = test::pattern(payload)});
  }
  std::size_t l4() const { return (vlan ? 18U : 14U) + wire::kIpBytes; }
  VnetHeader header() const {
    return {VnetHeader::kNeedsChecksum,
            VnetHeader::kTcpIpv4,
            static_cast<std::uint16_t>(l4() + wire::kTcpBytes + options.size()),
            segment,
            static_cast<std::uint16_t>(l4()),
            wire::kTcpChecksum};
  }
  Bytes packet() const {
    Bytes whole = frame();
    leave_checksum(whole, l4(), wire::kTcpChecksum, IPPROTO_TCP);
    return with_header(header(), whole);
  }
};

void expect_cut_right(const Large& large) {
  const auto frames = frames_of(large.packet());
  const std::size_t headers = large.l4() + wire::kTcpBytes + large.options.size();
  ASSERT_EQ(frames.size(), (large.payload + large.segment - 1) / large.segment);
  Bytes payload;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const Bytes& frame = frames[i];
    EXPECT_EQ(test::verify(frame), "") << i;
    const bool last = i + 1 == frames.size();
    if (!last) {
      EXPECT_EQ(frame.size(), headers + large.segment);
    }
    const std::uint8_t* const tcp = frame.data() + large.l4();
    EXPECT_EQ(wire::load<Be32>(tcp + wire::kTcpSequence).host(),
              static_cast<std::uint32_t>(0xffff'f000 + payload.size()));
    const std::uint8_t flags = tcp[wire::kTcpFlags];
    EXPECT_EQ(flags & (test::kPsh | test::kFin), last ? test::kPsh | test::kFin : 0);
    EXPECT_EQ(flags & 0x80, i == 0 ? large.flags & 0x80 : 0);
    EXPECT_EQ(wire::load<Be16>(frame.data() + large.l4() - wire::kIpBytes + wire::kIpId).host(),
              static_cast<std::uint16_t>(0xfff0 + i));
    payload.insert(payload.end(), frame.begin() + static_cast<std::ptrdiff_t>(headers),
                   frame.end());
  }
  EXPECT_EQ(payload, test::pattern(large.payload));
}

TEST(Outgoing, CutsLargeTcpIntoFrames) {
  expect_cut_right({});
  expect_cut_right({.payload = 3 * 1448});  // the last one is full
  expect_cut_right({.payload = 700});       // one frame
  expect_cut_right({.segment = 8948});
  expect_cut_right({.payload = 1001, .segment = 3});  // odd lengths
}

TEST(Outgoing, KeepsTheVlanTag) {
  expect_cut_right({.vlan = 0x2007});
}

TEST(Outgoing, SaysOnceThatTheCongestionWindowWasReduced) {
  Large large{.flags = test::kAck | 0x80 | test::kPsh | test::kFin};
  expect_cut_right(large);
}

TEST(Outgoing, CutsLargeTcpOverIpv6) {
  constexpr std::size_t kPayload = 5'000;
  constexpr std::size_t kSegment = 1'428;
  const std::size_t l4 = wire::kEthBytes + kIpv6Bytes;
  Bytes frame = Large{.payload = kPayload, .options = {}}.frame();
  Bytes ipv6(kIpv6Bytes);
  ipv6[0] = 0x60;
  wire::store(ipv6.data() + kIpv6PayloadLength, Be16::from_host(wire::kTcpBytes + kPayload));
  ipv6[kIpv6NextHeader] = IPPROTO_TCP;
  for (unsigned i = kIpv6Source; i < kIpv6Bytes; ++i) ipv6[i] = static_cast<std::uint8_t>(i * 11);
  frame.erase(frame.begin() + wire::kEthBytes, frame.begin() + wire::kEthBytes + wire::kIpBytes);
  frame.insert(frame.begin() + wire::kEthBytes, ipv6.begin(), ipv6.end());
  wire::store(frame.data() + wire::kEthType, kTypeIpv6);
  const auto pseudo = [](const std::uint8_t* ip, std::size_t l4_bytes) {
    std::uint64_t sum = sum_bytes(ip + kIpv6Source, 32);
    sum = add_sums(sum, Be16::from_host(IPPROTO_TCP).raw);
    return add_sums(sum, Be16::from_host(static_cast<std::uint16_t>(l4_bytes)).raw);
  };
  wire::store(frame.data() + l4 + wire::kTcpChecksum,
              fold(pseudo(frame.data() + wire::kEthBytes, frame.size() - l4)));
  const auto frames =
      frames_of(with_header({VnetHeader::kNeedsChecksum, VnetHeader::kTcpIpv6, 0, kSegment,
                             static_cast<std::uint16_t>(l4), wire::kTcpChecksum},
                            frame));
  ASSERT_EQ(frames.size(), 4U);
  std::size_t payload = 0;
  for (const Bytes& each : frames) {
    const std::uint8_t* const ip = each.data() + wire::kEthBytes;
    EXPECT_EQ(wire::load<Be16>(ip + kIpv6PayloadLength).host(), each.size() - l4);
    const std::uint64_t sum =
        sum_bytes(each.data() + l4, each.size() - l4, pseudo(ip, each.size() - l4));
    EXPECT_EQ(fold(sum), 0xffff);
    payload += each.size() - l4 - wire::kTcpBytes;
  }
  EXPECT_EQ(payload, kPayload);
}

TEST(Outgoing, CompletesAChecksum) {
  const Bytes udp = test::udp_frame({}, {}, {.payload = test::pattern(501)});
  Bytes left = udp;
  leave_checksum(left, 34, wire::kUdpChecksum, IPPROTO_UDP);
  const VnetHeader header{VnetHeader::kNeedsChecksum, VnetHeader::kWhole, 0, 0, 34,
                          wire::kUdpChecksum};
  EXPECT_EQ(frames_of(with_header(header, left)), std::vector<Bytes>{udp});
}

TEST(Outgoing, LeavesOtherPacketsAsTheyAre) {
  Bytes frame = test::udp_frame({}, {}, {.payload = test::pattern(50)});
  frame.back() ^= 1;  // a checksum that is wrong stays so
  EXPECT_EQ(frames_of(with_header({}, frame)), std::vector<Bytes>{frame});
}

TEST(Outgoing, RefusesWhatIsMalformed) {
  const Large large;
  const Bytes frame = large.frame();
  const auto changed = [&](auto change) {
    VnetHeader header = large.header();
    change(header);
    return with_header(header, frame);
  };
  EXPECT_FALSE(refused(changed([](VnetHeader&) {})));
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused(with_header({}, Bytes(13))));
  EXPECT_TRUE(refused(changed([](VnetHeader& h) { h.segment_bytes = 0; })));
  EXPECT_TRUE(refused(changed([](VnetHeader& h) { h.flags = 0; })));
  EXPECT_TRUE(refused(changed([](VnetHeader& h) { h.type = 3; })));  // UDP
  EXPECT_TRUE(refused(changed([](VnetHeader& h) { h.type = VnetHeader::kTcpIpv6; })));
  EXPECT_TRUE(refused(changed([](VnetHeader& h) { h.csum_start = 33; })));
  EXPECT_TRUE(refused(changed([](VnetHeader& h) { h.csum_start = 65'535; })));
  EXPECT_TRUE(refused(changed([](VnetHeader& h) {
    h.type = VnetHeader::kWhole;
    h.csum_start = 65'535;
  })));
  // No payload, or headers that end behind the packet.
  EXPECT_TRUE(refused(with_header(large.header(), test::cut(frame, 66))));
  for (std::size_t size = 14; size < 66; ++size) {
    EXPECT_TRUE(refused(with_header(large.header(), test::cut(frame, size)))) << size;
  }
}

}  // namespace
}  // namespace lb
