// Ways out: what replaces the Ethernet header of a packet that is sent on.
#pragma once

#include <array>
#include <cstdint>

namespace lb {

// A way out: a ready Ethernet header, [destination, source, VLAN tag if any, 0x0800].
struct NextHop {
  std::array<std::uint8_t, 18> l2{};
  std::uint8_t l2_len = 0;  // 14 or 18; 0: not resolved
  std::uint8_t port = 0;    // index
  std::uint16_t mtu = 0;    // largest IPv4 packet, bytes
  bool resolved() const { return l2_len != 0; }
};

// Where replies to a client leave: MAC, VLAN and port in one word, so that it is replaced in one
// store.
struct ClientHop {
  std::uint64_t word = 0;  // bits 0-47 MAC as it lies in memory, 48-59 VLAN id, 60-63 port index

  static ClientHop make(const std::uint8_t* mac, std::uint16_t vlan, std::uint8_t port) {
    std::uint64_t w = 0;
    __builtin_memcpy(&w, mac, 6);
    return {w | place(vlan, port)};
  }
  // Back to where an Ethernet frame came from. One load: six bytes copied into a word would be
  // written in parts and read back as one, for every packet.
  static ClientHop back(const std::uint8_t* frame, std::uint16_t vlan, std::uint8_t port) {
    std::uint64_t w = 0;
    __builtin_memcpy(&w, frame + 6, 8);  // and the type
    return {(w & ((std::uint64_t{1} << 48) - 1)) | place(vlan, port)};
  }
  std::uint16_t vlan() const { return static_cast<std::uint16_t>((word >> 48) & 0xfff); }
  std::uint8_t port() const { return static_cast<std::uint8_t>(word >> 60); }
  // The same at another port.
  ClientHop at_port(std::uint8_t number) const {
    return {(word & ~(std::uint64_t{15} << 60)) | std::uint64_t{number} << 60};
  }
  bool operator==(const ClientHop&) const = default;

 private:
  static std::uint64_t place(std::uint16_t vlan, std::uint8_t port) {
    return static_cast<std::uint64_t>((vlan & 0xfff) | port << 12) << 48;
  }
};

}  // namespace lb
