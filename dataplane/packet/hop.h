// Ways out: what replaces the Ethernet header of a packet that is sent on, and how.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/packet/checksum.h"
#include "dataplane/packet/packet.h"
#include "dataplane/packet/wire.h"

namespace lb {

// A way out: a ready Ethernet header, [destination, source, VLAN tag if any, 0x0800], and the TOS
// that packets get on it, if any.
struct NextHop {
  std::array<std::uint8_t, 18> l2{};
  // l2_len(), and above it 1 + tos() or 0. In one word: that a packet needs neither another length
  // nor a TOS is one comparison.
  std::uint16_t form = 0;
  std::uint16_t mtu = 0;  // largest IPv4 packet, bytes
  std::uint8_t port = 0;  // index
  // With no header: the director's own kernel, which packets reach unchanged.
  bool local = false;

  // `tos` is a multiple of 4.
  void set_form(std::uint8_t l2_len, std::optional<std::uint8_t> tos) {
    form = static_cast<std::uint16_t>(l2_len | (tos ? *tos + 1 : 0) << 8);
  }
  std::uint8_t l2_len() const {
    return static_cast<std::uint8_t>(form);
  }  // 14 or 18; 0: not resolved
  bool sets_tos() const { return form >> 8 != 0; }
  std::uint8_t tos() const { return static_cast<std::uint8_t>((form >> 8) - 1); }
  bool resolved() const { return l2_len() != 0; }
};

// A VLAN of a port (0: untagged): where packets come in or leave.
struct Place {
  std::uint16_t word = 0;  // bits 0-11 VLAN id, 12-15 port index

  // VLAN ids are below 4096, ports below 16.
  static constexpr Place make(std::uint16_t vlan, std::uint8_t port) {
    return {static_cast<std::uint16_t>(vlan | port << 12)};
  }
  static Place of(const Packet& packet) { return make(packet.vlan, packet.ingress); }
  // Of no packet: 4095 is no VLAN (IEEE 802.1Q table 9-2).
  static constexpr Place none() { return {0xffff}; }
  constexpr std::uint8_t port() const { return static_cast<std::uint8_t>(word >> 12); }
  bool operator==(const Place&) const = default;
};

// Where replies to a client leave: MAC, VLAN and port in one word, so that it is replaced in one
// store.
struct ClientHop {
  std::uint64_t word = 0;  // bits 0-47 MAC as it lies in memory, 48-59 VLAN id, 60-63 port index

  // VLAN ids are below 4096, ports below 16.
  static ClientHop make(const std::uint8_t* mac, std::uint16_t vlan, std::uint8_t port) {
    std::uint64_t w = 0;
    __builtin_memcpy(&w, mac, 6);
    return {w | std::uint64_t{Place::make(vlan, port).word} << 48};
  }
  // Back to where an Ethernet frame came from. One load: six bytes copied into a word would be
  // written in parts and read back as one, for every packet.
  static ClientHop back(const std::uint8_t* frame, std::uint16_t vlan, std::uint8_t port) {
    std::uint64_t w = 0;
    __builtin_memcpy(&w, frame + 6, 8);  // and the type
    return {(w & ((std::uint64_t{1} << 48) - 1)) | std::uint64_t{Place::make(vlan, port).word}
                                                       << 48};
  }
  Place place() const { return {static_cast<std::uint16_t>(word >> 48)}; }
  std::uint16_t vlan() const { return static_cast<std::uint16_t>((word >> 48) & 0xfff); }
  std::uint8_t port() const { return static_cast<std::uint8_t>(word >> 60); }
  // The same at another port.
  ClientHop at_port(std::uint8_t number) const {
    return {(word & ~(std::uint64_t{15} << 60)) | std::uint64_t{number} << 60};
  }
  bool operator==(const ClientHop&) const = default;
};

// Makes the Ethernet header `bytes` long (14 or 18), its content undefined.
inline void resize_l2(Packet& packet, unsigned bytes) {
  const int longer = static_cast<int>(bytes) - packet.l3;
  packet.data -= longer;
  packet.headroom = static_cast<std::uint16_t>(packet.headroom - longer);
  packet.len = static_cast<std::uint16_t>(packet.len + longer);
  packet.l3 = static_cast<std::uint8_t>(packet.l3 + longer);
  packet.l4 = static_cast<std::uint8_t>(packet.l4 + longer);
}

// Of the TOS byte what stands for DSCP (RFC 2474 section 3); the two ends of a connection have the
// ECN bits (RFC 3168 section 5). The header checksum is corrected.
inline void set_tos(Packet& packet, std::uint8_t tos) {
  constexpr std::uint8_t kEcn = 3;
  std::uint8_t* const ip = packet.data + packet.l3;
  const auto before = wire::load<std::uint16_t>(ip);
  ip[wire::kIpTos] = static_cast<std::uint8_t>(tos | (ip[wire::kIpTos] & kEcn));
  const std::uint32_t delta =
      static_cast<std::uint16_t>(~before) + std::uint32_t{wire::load<std::uint16_t>(ip)};
  const auto checksum = wire::load<std::uint16_t>(ip + wire::kIpChecksum);
  wire::store(ip + wire::kIpChecksum, update_checksum(checksum, delta));
}

// Replaces the Ethernet header (with or without VLAN tag, so `data`, `len`, l3 and l4 may move) by
// the way out and sets its TOS if it has one, and nothing else. A packet that gains a tag needs 4
// bytes of headroom; every receive buffer has them. The hop is resolved. The egress port is the
// caller's to set.
inline void set_next_hop(Packet& packet, const NextHop& hop) {
  if (hop.form != packet.l3) [[unlikely]] {
    if (hop.l2_len() != packet.l3) resize_l2(packet, hop.l2_len());
    if (hop.sets_tos()) set_tos(packet, hop.tos());
  }
  // Two copies of a constant size rather than one of a variable size, which would be a call.
  if (hop.l2_len() == wire::kEthBytes) {
    __builtin_memcpy(packet.data, hop.l2.data(), wire::kEthBytes);
  } else {
    __builtin_memcpy(packet.data, hop.l2.data(), wire::kTaggedEthBytes);
  }
}

// Writes an Ethernet header for IPv4 to `hop` (14 or 18 bytes).
inline void write_l2(std::uint8_t* frame, ClientHop hop, const std::uint8_t* source_mac) {
  __builtin_memcpy(frame, &hop.word, wire::kMacBytes);
  __builtin_memcpy(frame + wire::kEthSource, source_mac, wire::kMacBytes);
  if (hop.vlan() == 0) {
    wire::store(frame + wire::kEthType, wire::kTypeIpv4);
  } else {
    wire::store(frame + wire::kEthType, wire::kTypeVlan);
    wire::store(frame + wire::kVlanTci, Be16::from_host(hop.vlan()));
    wire::store(frame + wire::kVlanType, wire::kTypeIpv4);
  }
}
inline unsigned l2_bytes(ClientHop hop) {
  return hop.vlan() == 0 ? wire::kEthBytes : wire::kTaggedEthBytes;
}

// Likewise, to a client. `source_mac` is the address of the port that it leaves by.
inline void set_client_hop(Packet& packet, ClientHop hop, const std::uint8_t* source_mac) {
  if (l2_bytes(hop) != packet.l3) [[unlikely]]
    resize_l2(packet, l2_bytes(hop));
  write_l2(packet.data, hop, source_mac);
}

}  // namespace lb
