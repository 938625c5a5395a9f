#include "dataplane/kernel/incoming.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dataplane/kernel/ethernet.h"
#include "dataplane/kernel/outgoing.h"
#include "dataplane/packet/checksum.h"
#include "dataplane/packet/testing/builder.h"
#include "dataplane/packet/wire.h"

namespace lb {
namespace {

using test::Bytes;
using test::ip;

constexpr std::uint32_t kStart = 0xffff'fe00;  // so that numbers wrap

struct Data {
  std::uint32_t offset = 0;
  std::size_t bytes = 1000;
  std::uint16_t id = 7;
  std::uint16_t sport = 40'000;
  std::optional<std::uint16_t> vlan = {};
  std::uint8_t flags = test::kAck;

  Bytes frame() const {
    return test::tcp_frame({.vlan = vlan}, {.id = id, .dont_fragment = true},
                           {.sport = sport,
                            .seq = kStart + offset,
                            .ack = 5,
                            .flags = flags,
                            .options = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8},
                            .payload = test::pattern(bytes)});
  }
};

// Consecutive segments; the last one has `last` bytes.
std::vector<Bytes> flow(unsigned count, Data data = {}, std::size_t last = 400) {
  std::vector<Bytes> frames;
  const std::size_t full = data.bytes;
  for (unsigned i = 0; i < count; ++i) {
    const bool is_last = i + 1 == count;
    data.bytes = is_last ? last : full;
    data.flags = is_last ? test::kAck | test::kPsh : test::kAck;
    frames.push_back(data.frame());
    data.offset += static_cast<std::uint32_t>(full);
    ++data.id;
  }
  return frames;
}

struct Written {
  unsigned frames = 0;
  VnetHeader header;
  Bytes packet;  // with the header

  // As the kernel would send them again.
  std::vector<Bytes> cut() const {
    Bytes copy = packet;
    Outgoing outgoing;
    std::vector<Bytes> frames_again;
    EXPECT_TRUE(outgoing.begin(copy));
    while (outgoing.frames() != 0) {
      outgoing.write_next(frames_again.emplace_back(outgoing.next_bytes()).data());
    }
    return frames_again;
  }
};

std::vector<Written> written(std::vector<Bytes> frames, bool checked = false) {
  const auto incoming = std::make_unique<Incoming>();
  incoming->clear();
  for (Bytes& frame : frames) {
    incoming->add({frame.data(), static_cast<std::uint16_t>(frame.size()), checked});
  }
  std::vector<Written> result;
  for (unsigned i = 0; i < incoming->packets(); ++i) {
    Written& each = result.emplace_back();
    Incoming::Parts parts;
    const unsigned count = incoming->write(i, each.header, parts);
    for (unsigned p = 0; p < count; ++p) {
      const auto* const from = static_cast<const std::uint8_t*>(parts[p].iov_base);
      each.packet.insert(each.packet.end(), from, from + parts[p].iov_len);
    }
    each.frames = incoming->frames(i);
  }
  return result;
}

void expect_joined(const std::vector<Bytes>& frames) {
  const auto packets = written(frames);
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(packets[0].frames, frames.size());
  EXPECT_EQ(packets[0].cut(), frames);
}

void expect_apart(const std::vector<Bytes>& frames, const char* why, bool checked = false) {
  SCOPED_TRACE(why);
  const auto packets = written(frames, checked);
  ASSERT_EQ(packets.size(), frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(packets[i].header.type, VnetHeader::kWhole);
    EXPECT_EQ(packets[i].header.flags, 0);
    EXPECT_EQ(packets[i].cut(), std::vector<Bytes>{frames[i]});
  }
}

TEST(Incoming, JoinsSegmentsThatTheKernelCutsIntoTheSameAgain) {
  expect_joined(flow(2));
  expect_joined(flow(9));
  expect_joined(flow(3, {}, 1000));  // the last one is full
  expect_joined(flow(40, {.bytes = 1448}, 1));
  expect_joined(flow(7, {.bytes = 8948}, 8948));  // jumbo
  expect_joined(flow(5, {.bytes = 333}, 111));    // odd lengths
  expect_joined(flow(3, {.vlan = 0x6007}));
}

TEST(Incoming, SaysWhatTheKernelNeedsToKnow) {
  const auto packets = written(flow(3, {.vlan = 7}));
  ASSERT_EQ(packets.size(), 1U);
  const VnetHeader& header = packets[0].header;
  EXPECT_EQ(header.flags, VnetHeader::kNeedsChecksum);
  EXPECT_EQ(header.type, VnetHeader::kTcpIpv4);
  EXPECT_EQ(header.header_bytes, 18 + 20 + 32);
  EXPECT_EQ(header.segment_bytes, 1000);
  EXPECT_EQ(header.csum_start, 18 + 20);
  EXPECT_EQ(header.csum_offset, 16);
}

// Frames of a flow as IPv6.
Bytes as_ipv6(const Bytes& frame) {
  Bytes result(frame.begin(), frame.begin() + wire::kEthBytes);
  wire::store(result.data() + wire::kEthType, kTypeIpv6);
  const std::size_t l4 = wire::kEthBytes + wire::kIpBytes;
  Bytes header(kIpv6Bytes);
  header[0] = 0x60;
  wire::store(header.data() + kIpv6PayloadLength,
              Be16::from_host(static_cast<std::uint16_t>(frame.size() - l4)));
  header[kIpv6NextHeader] = IPPROTO_TCP;
  header[kIpv6HopLimit] = 64;
  for (unsigned i = kIpv6Source; i < kIpv6Bytes; ++i) header[i] = static_cast<std::uint8_t>(i * 7);
  result.insert(result.end(), header.begin(), header.end());
  result.insert(result.end(), frame.begin() + static_cast<std::ptrdiff_t>(l4), frame.end());
  std::uint8_t* const tcp = result.data() + wire::kEthBytes + kIpv6Bytes;
  wire::store(tcp + wire::kTcpChecksum, std::uint16_t{0});
  std::uint64_t sum = sum_bytes(header.data() + kIpv6Source, 32);
  sum = add_sums(sum, Be16::from_host(IPPROTO_TCP).raw);
  sum = add_sums(sum, Be16::from_host(static_cast<std::uint16_t>(frame.size() - l4)).raw);
  wire::store(tcp + wire::kTcpChecksum, checksum_of(sum_bytes(tcp, frame.size() - l4, sum)));
  return result;
}

TEST(Incoming, JoinsIpv6) {
  std::vector<Bytes> frames;
  for (const Bytes& frame : flow(6)) frames.push_back(as_ipv6(frame));
  expect_joined(frames);
  frames[3][wire::kEthBytes + kIpv6HopLimit] = 63;
  EXPECT_EQ(written(frames).size(), 3U);
}

TEST(Incoming, JoinsFlowsThatAreInterleaved) {
  const auto a = flow(4);
  const auto b = flow(4, {.sport = 40'001});
  const Bytes other = test::udp_frame({}, {}, {});
  const auto packets = written({a[0], b[0], b[1], other, a[1], b[2], a[2], a[3], b[3]});
  ASSERT_EQ(packets.size(), 3U);
  EXPECT_EQ(packets[0].cut(), a);
  EXPECT_EQ(packets[1].cut(), b);
  EXPECT_EQ(packets[2].cut(), std::vector<Bytes>{other});
}

TEST(Incoming, LeavesApartWhatDiffers) {
  const Bytes first = Data{}.frame();
  const auto second =
      [](const std::function<void(test::Ethernet&, test::Ipv4&, test::Tcp&)>& change) {
        test::Ethernet eth;
        test::Ipv4 ip{.id = 8, .dont_fragment = true};
        test::Tcp tcp{.seq = kStart + 1000,
                      .ack = 5,
                      .flags = test::kAck,
                      .options = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8},
                      .payload = test::pattern(1000)};
        change(eth, ip, tcp);
        return test::tcp_frame(eth, ip, tcp);
      };
  using Eth = test::Ethernet;
  using Ip = test::Ipv4;
  using Tcp = test::Tcp;
  EXPECT_EQ(written({first, second([](Eth&, Ip&, Tcp&) {})}).size(), 1U);
  const std::vector<std::pair<const char*, std::function<void(Eth&, Ip&, Tcp&)>>> changes = {
      {"sender", [](Eth& eth, Ip&, Tcp&) { eth.src[5] ^= 1; }},
      {"VLAN", [](Eth& eth, Ip&, Tcp&) { eth.vlan = 3; }},
      {"TOS", [](Eth&, Ip& ip, Tcp&) { ip.tos = 3; }},
      {"TTL", [](Eth&, Ip& ip, Tcp&) { ip.ttl = 63; }},
      {"DF", [](Eth&, Ip& ip, Tcp&) { ip.dont_fragment = false; }},
      {"fragment", [](Eth&, Ip& ip, Tcp&) { ip.more_fragments = true; }},
      {"IP options",
       [](Eth&, Ip& ip, Tcp&) {
         ip.options = {1, 1, 1, 1};
       }},
      {"source", [](Eth&, Ip& ip, Tcp&) { ip.src = test::ip("198.51.100.8"); }},
      {"destination", [](Eth&, Ip& ip, Tcp&) { ip.dst = test::ip("192.0.2.11"); }},
      {"port", [](Eth&, Ip&, Tcp& tcp) { tcp.dport = 81; }},
      {"gap", [](Eth&, Ip&, Tcp& tcp) { tcp.seq += 1; }},
      {"again", [](Eth&, Ip&, Tcp& tcp) { tcp.seq -= 1000; }},
      {"acknowledgment", [](Eth&, Ip&, Tcp& tcp) { tcp.ack = 6; }},
      {"options", [](Eth&, Ip&, Tcp& tcp) { tcp.options[7] ^= 1; }},
      {"no options", [](Eth&, Ip&, Tcp& tcp) { tcp.options = {}; }},
      {"longer", [](Eth&, Ip&, Tcp& tcp) { tcp.payload = test::pattern(1001); }},
      {"no data", [](Eth&, Ip&, Tcp& tcp) { tcp.payload = {}; }},
      {"FIN", [](Eth&, Ip&, Tcp& tcp) { tcp.flags |= test::kFin; }},
      {"SYN", [](Eth&, Ip&, Tcp& tcp) { tcp.flags |= test::kSyn; }},
      {"RST", [](Eth&, Ip&, Tcp& tcp) { tcp.flags |= test::kRst; }},
      {"URG", [](Eth&, Ip&, Tcp& tcp) { tcp.flags |= 0x20; }},
      {"ECE", [](Eth&, Ip&, Tcp& tcp) { tcp.flags |= 0x40; }},
      {"CWR", [](Eth&, Ip&, Tcp& tcp) { tcp.flags |= 0x80; }},
      {"no ACK", [](Eth&, Ip&, Tcp& tcp) { tcp.flags = 0; }},
  };
  for (const auto& [what, change] : changes) expect_apart({first, second(change)}, what);
  const Bytes next = second([](Eth&, Ip&, Tcp&) {});
  expect_apart({Data{.flags = test::kAck | test::kPsh}.frame(), next}, "after a push");
  expect_apart({Data{.bytes = 999}.frame(), second([](Eth&, Ip&, Tcp& tcp) { tcp.seq -= 1; })},
               "after a short one");
}

TEST(Incoming, PassesOnWrongChecksumsAsTheyAre) {
  for (const std::size_t wrong : {0U, 1U}) {
    for (const std::size_t at : {24U /* IP */, 50U /* TCP */, 400U /* data */}) {
      auto frames = flow(2);
      frames[wrong][at] ^= 1;
      SCOPED_TRACE(wrong * 1000 + at);
      expect_apart(frames, "wrong checksum");
    }
  }
  auto checked = flow(2);
  checked[1][400] ^= 1;
  EXPECT_EQ(written(checked, true).size(), 1U) << "the NIC has verified it";
}

TEST(Incoming, NumbersCountWithoutDontFragment) {
  const auto frames = [](std::uint16_t second_id) {
    std::vector<Bytes> both = flow(2);
    for (Bytes& frame : both) {
      std::uint8_t* const at = frame.data() + wire::kEthBytes;
      wire::store(at + wire::kIpFragment, std::uint16_t{0});
      if (&frame == &both[1]) wire::store(at + wire::kIpId, Be16::from_host(second_id));
      wire::store(at + wire::kIpChecksum, std::uint16_t{0});
      wire::store(at + wire::kIpChecksum, checksum_of(sum_ip_header(at)));
    }
    return both;
  };
  expect_joined(frames(8));
  expect_apart(frames(9), "identification");
}

TEST(Incoming, EndsAtTheLargestPacket) {
  const auto frames = flow(10, {.bytes = 8948}, 8948);
  const auto packets = written(frames);
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[0].frames, 7U);
  EXPECT_EQ(packets[1].frames, 3U);
}

TEST(Incoming, KeepsTheOrderOfAFlow) {
  const auto frames = flow(4);
  const Bytes pure = Data{.offset = 2000, .bytes = 0}.frame();
  const auto packets = written({frames[0], frames[1], pure, frames[2], frames[3]});
  ASSERT_EQ(packets.size(), 3U);
  EXPECT_EQ(packets[1].cut(), std::vector<Bytes>{pure});
  EXPECT_EQ(packets[2].frames, 2U);
}

TEST(Incoming, LeavesOutPadding) {
  Data small{.bytes = 2};
  auto frames = flow(3, small, 2);
  for (Bytes& frame : frames) frame = test::pad(frame, 90);
  const auto packets = written(frames);
  ASSERT_EQ(packets.size(), 1U);
  const auto again = packets[0].cut();
  ASSERT_EQ(again.size(), 3U);
  EXPECT_EQ(again, flow(3, small, 2));
}

TEST(Incoming, PassesOnWhatIsCutOff) {
  const Bytes whole = Data{}.frame();
  for (const Bytes& frame : {whole, as_ipv6(whole), Data{.vlan = 5}.frame()}) {
    for (std::size_t size = 14; size < 120; ++size) {
      const Bytes part = test::cut(frame, size);
      expect_apart({part, part}, "cut off");
    }
  }
}

TEST(Incoming, TakesAWholeBurst) {
  std::vector<Bytes> frames;
  for (std::uint16_t i = 0; i < Incoming::kMost; ++i) {
    frames.push_back(Data{.sport = static_cast<std::uint16_t>(1000 + i)}.frame());
  }
  expect_apart(frames, "one of each flow");
  EXPECT_EQ(written(flow(Incoming::kMost, {.bytes = 900})).size(), 1U);
}

}  // namespace
}  // namespace lb
