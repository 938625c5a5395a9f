// ICMP echo messages (RFC 792, RFC 4443 section 4) as ping checks send and accept them. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "config/base/address.h"

namespace lb::health {

// `id` and `sequence` are host order. `secret` is this process's random number, so that neither the
// replies of another program's pings nor forged ones pass for ours; `number` distinguishes our own.
struct Echo {
  std::uint16_t id = 0;
  std::uint16_t sequence = 0;
  std::uint64_t secret = 0;
  std::uint64_t number = 0;
  bool operator==(const Echo&) const = default;
};

inline constexpr std::size_t kEchoBytes = 64;  // ICMP header and 56 bytes of data

// Of ICMPv6 without checksum: it covers the addresses, too, and the kernel fills it in.
std::array<std::uint8_t, kEchoBytes> make_echo_request(const Echo& echo, Family family);

// nullopt: not an echo reply of our size with a right checksum, which of ICMPv6 the kernel has
// looked at.
std::optional<Echo> parse_echo_reply(std::span<const std::uint8_t> icmp, Family family);

// The payload of an IPv4 packet, as a raw socket delivers it; empty when the header is broken.
std::span<const std::uint8_t> ipv4_payload(std::span<const std::uint8_t> packet);

}  // namespace lb::health
