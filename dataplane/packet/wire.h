// Where header fields lie, and how to read and write them: unaligned, as they lie in the packet.
// Offsets are from the start of their own header.
#pragma once

#include <cstdint>

#include "config/base/byte_order.h"

namespace lb::wire {

template <typename T>
inline T load(const std::uint8_t* from) {
  T value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

template <typename T>
inline void store(std::uint8_t* to, T value) {
  __builtin_memcpy(to, &value, sizeof value);
}

// Ethernet II and IEEE 802.1Q.
inline constexpr unsigned kMacBytes = 6;
inline constexpr unsigned kEthSource = 6;
inline constexpr unsigned kEthType = 12;
inline constexpr unsigned kEthBytes = 14;
inline constexpr unsigned kVlanTci = 14;
inline constexpr unsigned kVlanType = 16;
inline constexpr unsigned kTaggedEthBytes = 18;
inline constexpr unsigned kVlanTagBytes = 4;
inline constexpr std::uint16_t kVlanIdMask = 0x0fff;
inline constexpr Be16 kTypeIpv4 = Be16::from_host(0x0800);
inline constexpr Be16 kTypeVlan = Be16::from_host(0x8100);

// IPv4, RFC 791 3.1.
inline constexpr unsigned kIpTos = 1;
inline constexpr unsigned kIpLength = 2;
inline constexpr unsigned kIpId = 4;
inline constexpr unsigned kIpFragment = 6;
inline constexpr unsigned kIpTtl = 8;
inline constexpr unsigned kIpProtocol = 9;
inline constexpr unsigned kIpChecksum = 10;
inline constexpr unsigned kIpSource = 12;
inline constexpr unsigned kIpDestination = 16;
inline constexpr unsigned kIpBytes = 20;     // without options
inline constexpr unsigned kIpMaxBytes = 60;  // with options
inline constexpr std::uint8_t kIpVersionAndLength = 0x45;
inline constexpr Be16 kIpDontFragment = Be16::from_host(0x4000);
inline constexpr Be16 kIpFragmentBits = Be16::from_host(0x3fff);  // more fragments, offset
inline constexpr Be16 kIpOffsetBits = Be16::from_host(0x1fff);

// TCP (RFC 9293 3.1) and UDP (RFC 768): ports at 0 and 2 in both.
inline constexpr unsigned kTcpSequence = 4;
inline constexpr unsigned kTcpAcknowledgment = 8;
inline constexpr unsigned kTcpDataOffset = 12;
inline constexpr unsigned kTcpFlags = 13;
inline constexpr unsigned kTcpWindow = 14;
inline constexpr unsigned kTcpChecksum = 16;
inline constexpr unsigned kTcpBytes = 20;  // without options
inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kRst = 0x04;
inline constexpr std::uint8_t kAck = 0x10;

inline constexpr unsigned kUdpLength = 4;
inline constexpr unsigned kUdpChecksum = 6;
inline constexpr unsigned kUdpBytes = 8;

// ICMP, RFC 792.
inline constexpr unsigned kIcmpType = 0;
inline constexpr unsigned kIcmpCode = 1;
inline constexpr unsigned kIcmpChecksum = 2;
inline constexpr unsigned kIcmpMtu = 6;  // RFC 1191 section 4
inline constexpr unsigned kIcmpBytes = 8;
inline constexpr std::uint8_t kUnreachable = 3;
inline constexpr std::uint8_t kSourceQuench = 4;
inline constexpr std::uint8_t kRedirect = 5;
inline constexpr std::uint8_t kTimeExceeded = 11;
inline constexpr std::uint8_t kParameterProblem = 12;

// The bytes of the L4 header that an ICMP error quotes at least (RFC 792).
inline constexpr unsigned kQuotedL4Bytes = 8;

}  // namespace lb::wire
