// Frames for tests: built field by field with correct checksums, and checked again by a second,
// deliberately plain implementation that shares no code with the data plane.
//
//   Bytes syn = tcp_frame({.dst = kMacA, .src = kMacB}, {.src = ip("198.51.100.7"), ...},
//                         {.sport = 40000, .dport = 80, .flags = test::kSyn});
//   test::PacketBuffer buffer(syn);
//   parse(buffer.packet);
//   EXPECT_EQ(test::verify(buffer.frame()), "");
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/byte_order.h"
#include "dataplane/packet/packet.h"

namespace lb::test {

using Bytes = std::vector<std::uint8_t>;
using Mac = std::array<std::uint8_t, 6>;

inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kRst = 0x04;
inline constexpr std::uint8_t kPsh = 0x08;
inline constexpr std::uint8_t kAck = 0x10;

inline constexpr Mac kMacA = {0x02, 0, 0, 0, 0, 0x0a};
inline constexpr Mac kMacB = {0x02, 0, 0, 0, 0, 0x0b};

// "192.0.2.1"; aborts on anything else.
Be32 ip(std::string_view dotted);

struct Ethernet {
  Mac dst = kMacA;
  Mac src = kMacB;
  std::optional<std::uint16_t> vlan = {};  // the whole TCI: priority in the upper 4 bits
  std::uint16_t type = 0x0800;
};

struct Ipv4 {
  Be32 src = ip("198.51.100.7");
  Be32 dst = ip("192.0.2.10");
  std::uint8_t ttl = 64;
  std::uint8_t tos = 0;
  std::uint16_t id = 0x1234;
  bool dont_fragment = false;
  bool more_fragments = false;
  std::uint16_t offset = 0;  // of a fragment, in bytes: a multiple of 8
  Bytes options = {};        // padded to a multiple of 4 with zeros
};

struct Tcp {
  std::uint16_t sport = 40'000;
  std::uint16_t dport = 80;
  std::uint32_t seq = 1;
  std::uint32_t ack = 0;
  std::uint8_t flags = kAck;
  std::uint16_t window = 65'535;
  Bytes options = {};  // padded to a multiple of 4 with zeros
  Bytes payload = {};
};

struct Udp {
  std::uint16_t sport = 40'000;
  std::uint16_t dport = 53;
  Bytes payload = {};
  bool has_checksum = true;  // false: sent as 0
};

struct Icmp {
  std::uint8_t type = 8;
  std::uint8_t code = 0;
  std::uint32_t rest = 0;  // bytes 4 to 7, in host byte order
  Bytes payload = {};      // of an error: the quoted packet
};

// IPv4 packets, as an ICMP error quotes them.
Bytes ip_packet(const Ipv4& ip, std::uint8_t proto, std::span<const std::uint8_t> payload);
Bytes tcp_packet(const Ipv4& ip, const Tcp& tcp);
Bytes udp_packet(const Ipv4& ip, const Udp& udp);
Bytes icmp_packet(const Ipv4& ip, const Icmp& icmp);

// The same in Ethernet. Frames are not padded to 60 bytes; see pad().
Bytes frame(const Ethernet& eth, std::span<const std::uint8_t> payload);
Bytes tcp_frame(const Ethernet& eth, const Ipv4& ip, const Tcp& tcp);
Bytes udp_frame(const Ethernet& eth, const Ipv4& ip, const Udp& udp);
Bytes icmp_frame(const Ethernet& eth, const Ipv4& ip, const Icmp& icmp);

// Zeros behind the packet up to `size` bytes, as Ethernet has it.
Bytes pad(Bytes frame, std::size_t size = 60);
// The first `size` bytes.
Bytes cut(const Bytes& bytes, std::size_t size);
// A payload of `size` bytes that are not all the same.
Bytes pattern(std::size_t size);

// Cuts an IPv4 frame without options into fragments whose IPv4 packets have at most `mtu` bytes.
std::vector<Bytes> fragments(const Bytes& frame, std::size_t mtu);
// The whole again, from all fragments of one datagram in any order; empty when one is missing. The
// fragments' headers are without options.
Bytes reassemble(std::span<const Bytes> fragments);

// Lengths and every checksum of an IPv4 frame: the IPv4 header's, that of TCP, UDP or ICMP, and
// those of a packet that an ICMP error quotes, as far as it is there (a quote's L4 checksum can be
// checked only when the quote is whole; a fragment's not at all). Empty when all is right, else the
// first thing that is wrong.
std::string verify(std::span<const std::uint8_t> frame);

// A frame in memory as the lcore loop has it: free room in front, none behind, so that an address
// sanitizer sees every byte too far. Not copyable: `packet` points into it.
class PacketBuffer {
 public:
  explicit PacketBuffer(std::span<const std::uint8_t> frame, std::uint16_t headroom = 128);
  PacketBuffer(const PacketBuffer&) = delete;
  PacketBuffer& operator=(const PacketBuffer&) = delete;

  // What packet.data and packet.len now say.
  Bytes frame() const;
  // Whether they lie within the memory and headroom is in step.
  bool in_bounds() const;

  Packet packet;

 private:
  Bytes memory_;
};

}  // namespace lb::test
