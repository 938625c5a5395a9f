#include "controlplane/health/icmp_echo.h"

#include <gtest/gtest.h>

#include <vector>

namespace lb::health {
namespace {

constexpr Echo kEcho{0x1234, 0xfffe, 0x0123456789abcdef, 0x1fffe};

// What a host makes of a request: another type, and the checksum put right.
std::vector<std::uint8_t> reply_to(const Echo& echo) {
  const auto request = make_echo_request(echo, Family::kIpv4);
  std::vector<std::uint8_t> bytes(request.begin(), request.end());
  bytes[0] = 0;
  // RFC 1624: the first word loses 0x0800, so that the checksum gains it.
  std::uint32_t sum = static_cast<std::uint32_t>(bytes[2] << 8 | bytes[3]) + 0x0800u;
  sum = (sum & 0xffff) + (sum >> 16);
  bytes[2] = static_cast<std::uint8_t>(sum >> 8);
  bytes[3] = static_cast<std::uint8_t>(sum & 0xff);
  return bytes;
}

TEST(IcmpEcho, EncodesFieldsInNetworkOrder) {
  const auto bytes = make_echo_request(kEcho, Family::kIpv4);
  EXPECT_EQ(bytes[0], 8);
  EXPECT_EQ(bytes[1], 0);
  EXPECT_EQ(bytes[4], 0x12);
  EXPECT_EQ(bytes[5], 0x34);
  EXPECT_EQ(bytes[6], 0xff);
  EXPECT_EQ(bytes[7], 0xfe);
}

TEST(IcmpEcho, DecodesAReply) {
  EXPECT_EQ(parse_echo_reply(reply_to(kEcho), Family::kIpv4), kEcho);
}

TEST(IcmpEcho, RefusesARequestAsReply) {
  EXPECT_FALSE(parse_echo_reply(make_echo_request(kEcho, Family::kIpv4), Family::kIpv4));
}

TEST(IcmpEcho, DetectsEveryFlippedBit) {
  const auto reply = reply_to(kEcho);
  for (std::size_t bit = 0; bit < reply.size() * 8; ++bit) {
    auto damaged = reply;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ (1u << bit % 8));
    EXPECT_FALSE(parse_echo_reply(damaged, Family::kIpv4)) << "bit " << bit;
  }
}

TEST(IcmpEcho, HasOtherTypesAndNoChecksumForIpv6) {
  auto bytes = make_echo_request(kEcho, Family::kIpv6);
  EXPECT_EQ(bytes[0], 128);
  EXPECT_EQ(bytes[2] | bytes[3], 0);
  EXPECT_FALSE(parse_echo_reply(bytes, Family::kIpv6));
  bytes[0] = 129;
  EXPECT_EQ(parse_echo_reply(bytes, Family::kIpv6), kEcho);
  EXPECT_FALSE(parse_echo_reply(bytes, Family::kIpv4));
}

TEST(IcmpEcho, RefusesOtherLengths) {
  auto reply = reply_to(kEcho);
  for (std::size_t size = 0; size < reply.size(); ++size) {
    EXPECT_FALSE(parse_echo_reply(std::span(reply).first(size), Family::kIpv4));
  }
  reply.push_back(0);
  EXPECT_FALSE(parse_echo_reply(reply, Family::kIpv4));
}

TEST(IcmpEcho, SkipsTheIpv4HeaderWithOptions) {
  std::vector<std::uint8_t> packet(24 + 8, 0);
  packet[0] = 0x45;
  EXPECT_EQ(ipv4_payload(packet).size(), 12u);
  packet[0] = 0x46;
  EXPECT_EQ(ipv4_payload(packet).size(), 8u);
  EXPECT_EQ(ipv4_payload(packet).data(), packet.data() + 24);
}

TEST(IcmpEcho, FindsNoPayloadBehindABrokenIpv4Header) {
  std::vector<std::uint8_t> packet(32, 0);
  for (const int first : {0x00, 0x44, 0x49, 0x65}) {
    packet[0] = static_cast<std::uint8_t>(first);
    EXPECT_TRUE(ipv4_payload(packet).empty()) << first;
  }
  EXPECT_TRUE(ipv4_payload({}).empty());
}

}  // namespace
}  // namespace lb::health
