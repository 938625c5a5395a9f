// Options of a TCP header (RFC 9293 3.1, RFC 7323, RFC 2018), read within its bounds.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/packet/packet.h"
#include "dataplane/packet/syn_cookie.h"
#include "dataplane/packet/wire.h"

namespace lb {

namespace tcp_option {
inline constexpr std::uint8_t kEnd = 0;
inline constexpr std::uint8_t kNop = 1;
inline constexpr std::uint8_t kMss = 2;
inline constexpr std::uint8_t kMssBytes = 4;
inline constexpr std::uint8_t kWindowScale = 3;
inline constexpr std::uint8_t kWindowScaleBytes = 3;
inline constexpr std::uint8_t kSackPermitted = 4;
inline constexpr std::uint8_t kSackPermittedBytes = 2;
inline constexpr std::uint8_t kSack = 5;
inline constexpr unsigned kSackEdges = 2;  // from here on; 4 bytes each
inline constexpr std::uint8_t kTimestamps = 8;
inline constexpr std::uint8_t kTimestampsBytes = 10;
inline constexpr unsigned kTimestampValue = 2;
inline constexpr unsigned kTimestampEcho = 6;
}  // namespace tcp_option

// Calls visit(std::uint8_t* option, kind, length) for each option but NOPs, until one is malformed.
// Of a packet with an L4 header, also of a first fragment.
template <typename Visit>
void for_each_tcp_option(const Packet& packet, Visit&& visit) {
  std::uint8_t* const tcp = packet.data + packet.l4;
  const unsigned header_bytes = (tcp[wire::kTcpDataOffset] >> 4) * 4u;
  const unsigned there = std::min<unsigned>(packet.len, packet.l3 + unsigned{packet.ip_len});
  const std::uint8_t* const end =
      tcp + std::min<unsigned>(header_bytes, there > packet.l4 ? there - packet.l4 : 0);
  for (std::uint8_t* at = tcp + wire::kTcpBytes; at < end && *at != tcp_option::kEnd;) {
    if (*at == tcp_option::kNop) {
      ++at;
      continue;
    }
    if (end - at < 2 || at[1] < 2 || at[1] > end - at) return;
    const unsigned length = at[1];
    visit(at, *at, length);
    at += length;
  }
}

// What a SYN or SYN-ACK offers.
struct TcpOffer {
  SynOffer syn;
  bool timestamps = false;
  std::uint32_t timestamp_value = 0;
};

inline TcpOffer tcp_offer(const Packet& packet) {
  TcpOffer offer;
  for_each_tcp_option(packet, [&](const std::uint8_t* option, unsigned kind, unsigned length) {
    if (kind == tcp_option::kMss && length == tcp_option::kMssBytes) {
      offer.syn.mss = wire::load<Be16>(option + 2).host();
    } else if (kind == tcp_option::kWindowScale && length == tcp_option::kWindowScaleBytes) {
      offer.syn.window_scale = std::min(option[2], kMostWindowScale);
    } else if (kind == tcp_option::kSackPermitted && length == tcp_option::kSackPermittedBytes) {
      offer.syn.sack = true;
    } else if (kind == tcp_option::kTimestamps && length == tcp_option::kTimestampsBytes) {
      offer.timestamps = true;
      offer.timestamp_value = wire::load<Be32>(option + tcp_option::kTimestampValue).host();
    }
  });
  return offer;
}

// The timestamps of a segment.
struct TcpTimestamps {
  bool are_there = false;
  std::uint32_t value = 0;
  std::uint32_t echo = 0;
};

inline TcpTimestamps tcp_timestamps(const Packet& packet) {
  TcpTimestamps found;
  for_each_tcp_option(packet, [&](const std::uint8_t* option, unsigned kind, unsigned length) {
    if (kind != tcp_option::kTimestamps || length != tcp_option::kTimestampsBytes) return;
    found = {true, wire::load<Be32>(option + tcp_option::kTimestampValue).host(),
             wire::load<Be32>(option + tcp_option::kTimestampEcho).host()};
  });
  return found;
}

}  // namespace lb
