#include "controlplane/health/icmp_echo.h"

#include <cstring>

#include "config/base/byte_order.h"

namespace lb::health {
namespace {

constexpr std::uint8_t kEchoReply = 0;
constexpr std::uint8_t kEchoRequest = 8;
constexpr std::uint8_t kEchoRequestV6 = 128;
constexpr std::uint8_t kEchoReplyV6 = 129;

struct Message {
  std::uint8_t type;
  std::uint8_t code;
  std::uint16_t checksum;
  Be16 id;
  Be16 sequence;
  std::uint64_t secret;
  std::uint64_t number;
  std::uint8_t padding[40];
};
static_assert(sizeof(Message) == kEchoBytes);

// RFC 1071 over the bytes in memory order: 0 when they contain their correct checksum.
std::uint16_t checksum(std::span<const std::uint8_t, kEchoBytes> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    std::uint16_t word = 0;
    std::memcpy(&word, &bytes[i], sizeof word);
    sum += word;
  }
  sum = (sum & 0xffff) + (sum >> 16);
  sum += sum >> 16;
  return static_cast<std::uint16_t>(~sum & 0xffff);
}

}  // namespace

std::array<std::uint8_t, kEchoBytes> make_echo_request(const Echo& echo, Family family) {
  Message message{};
  message.type = family == Family::kIpv4 ? kEchoRequest : kEchoRequestV6;
  message.id = Be16::from_host(echo.id);
  message.sequence = Be16::from_host(echo.sequence);
  message.secret = echo.secret;
  message.number = echo.number;

  std::array<std::uint8_t, kEchoBytes> bytes{};
  std::memcpy(bytes.data(), &message, sizeof message);
  if (family == Family::kIpv6) return bytes;
  message.checksum = checksum(bytes);
  std::memcpy(bytes.data(), &message, sizeof message);
  return bytes;
}

std::optional<Echo> parse_echo_reply(std::span<const std::uint8_t> icmp, Family family) {
  if (icmp.size() != kEchoBytes) return std::nullopt;
  const bool ipv4 = family == Family::kIpv4;
  if (ipv4 && checksum(icmp.first<kEchoBytes>()) != 0) return std::nullopt;
  Message message{};
  std::memcpy(&message, icmp.data(), sizeof message);
  if (message.type != (ipv4 ? kEchoReply : kEchoReplyV6) || message.code != 0) return std::nullopt;
  return Echo{message.id.host(), message.sequence.host(), message.secret, message.number};
}

std::span<const std::uint8_t> ipv4_payload(std::span<const std::uint8_t> packet) {
  if (packet.empty() || packet[0] >> 4 != 4) return {};
  const std::size_t header = std::size_t{packet[0]} % 16 * 4;
  if (header < 20 || header > packet.size()) return {};
  return packet.subspan(header);
}

}  // namespace lb::health
