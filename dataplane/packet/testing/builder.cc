#include "dataplane/packet/testing/builder.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace lb::test {

namespace {

void put16(Bytes& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void put32(Bytes& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}

void put(Bytes& out, std::span<const std::uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void set16(Bytes& out, std::size_t at, unsigned value) {
  out[at] = static_cast<std::uint8_t>(value >> 8);
  out[at + 1] = static_cast<std::uint8_t>(value);
}

Bytes padded_to_word(Bytes bytes) {
  while (bytes.size() % 4 != 0) bytes.push_back(0);
  return bytes;
}

// As RFC 1071 section 1 says it, byte by byte.
unsigned checksum(std::span<const std::uint8_t> bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? bytes[i] * 256u : bytes[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<unsigned>(~sum & 0xffff);
}

unsigned l4_checksum(const Ipv4& ip, std::uint8_t proto, const Bytes& l4) {
  Bytes all;
  put32(all, ip.src.host());
  put32(all, ip.dst.host());
  put16(all, proto);
  put16(all, static_cast<unsigned>(l4.size()));
  put(all, l4);
  return checksum(all);
}

}  // namespace

Be32 ip(std::string_view dotted) {
  std::uint32_t address = 0;
  const char* at = dotted.data();
  const char* end = at + dotted.size();
  for (int i = 0; i < 4; ++i) {
    unsigned part = 256;
    const auto [next, error] = std::from_chars(at, end, part);
    if (error != std::errc{} || part > 255 || (i < 3) != (next != end)) std::abort();
    address = address << 8 | part;
    at = next == end ? next : next + 1;
  }
  return Be32::from_host(address);
}

Bytes ip_packet(const Ipv4& ip, std::uint8_t proto, std::span<const std::uint8_t> payload) {
  const Bytes options = padded_to_word(ip.options);
  const std::size_t header_bytes = 20 + options.size();
  Bytes out;
  out.push_back(static_cast<std::uint8_t>(0x40 | header_bytes / 4));
  out.push_back(ip.tos);
  put16(out, static_cast<unsigned>(header_bytes + payload.size()));
  put16(out, ip.id);
  put16(out,
        (ip.dont_fragment ? 0x4000u : 0u) | (ip.more_fragments ? 0x2000u : 0u) | ip.offset / 8u);
  out.push_back(ip.ttl);
  out.push_back(proto);
  put16(out, 0);
  put32(out, ip.src.host());
  put32(out, ip.dst.host());
  put(out, options);
  set16(out, 10, checksum(out));
  put(out, payload);
  return out;
}

Bytes tcp_packet(const Ipv4& ip, const Tcp& tcp) {
  const Bytes options = padded_to_word(tcp.options);
  Bytes l4;
  put16(l4, tcp.sport);
  put16(l4, tcp.dport);
  put32(l4, tcp.seq);
  put32(l4, tcp.ack);
  l4.push_back(static_cast<std::uint8_t>((20 + options.size()) / 4 << 4));
  l4.push_back(tcp.flags);
  put16(l4, tcp.window);
  put32(l4, 0);
  put(l4, options);
  put(l4, tcp.payload);
  set16(l4, 16, l4_checksum(ip, kProtoTcp, l4));
  return ip_packet(ip, kProtoTcp, l4);
}

Bytes udp_packet(const Ipv4& ip, const Udp& udp) {
  Bytes l4;
  put16(l4, udp.sport);
  put16(l4, udp.dport);
  put16(l4, static_cast<unsigned>(8 + udp.payload.size()));
  put16(l4, 0);
  put(l4, udp.payload);
  if (udp.has_checksum) {
    const unsigned sum = l4_checksum(ip, kProtoUdp, l4);
    set16(l4, 6, sum == 0 ? 0xffff : sum);
  }
  return ip_packet(ip, kProtoUdp, l4);
}

Bytes icmp_packet(const Ipv4& ip, const Icmp& icmp) {
  Bytes l4{icmp.type, icmp.code, 0, 0};
  put32(l4, icmp.rest);
  put(l4, icmp.payload);
  set16(l4, 2, checksum(l4));
  return ip_packet(ip, kProtoIcmp, l4);
}

Bytes frame(const Ethernet& eth, std::span<const std::uint8_t> payload) {
  Bytes out;
  put(out, eth.dst);
  put(out, eth.src);
  if (eth.vlan) {
    put16(out, 0x8100);
    put16(out, *eth.vlan);
  }
  put16(out, eth.type);
  put(out, payload);
  return out;
}

Bytes tcp_frame(const Ethernet& eth, const Ipv4& ip, const Tcp& tcp) {
  return frame(eth, tcp_packet(ip, tcp));
}

Bytes udp_frame(const Ethernet& eth, const Ipv4& ip, const Udp& udp) {
  return frame(eth, udp_packet(ip, udp));
}

Bytes icmp_frame(const Ethernet& eth, const Ipv4& ip, const Icmp& icmp) {
  return frame(eth, icmp_packet(ip, icmp));
}

Bytes pad(Bytes frame, std::size_t size) {
  if (frame.size() < size) frame.resize(size);
  return frame;
}

Bytes cut(const Bytes& bytes, std::size_t size) {
  return Bytes(bytes.begin(),
               bytes.begin() + static_cast<std::ptrdiff_t>(std::min(size, bytes.size())));
}

Bytes pattern(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  return out;
}

PacketBuffer::PacketBuffer(std::span<const std::uint8_t> frame, std::uint16_t headroom)
    : memory_(headroom, 0xa5) {
  memory_.insert(memory_.end(), frame.begin(), frame.end());
  memory_.shrink_to_fit();
  packet.data = memory_.data() + headroom;
  packet.len = static_cast<std::uint16_t>(frame.size());
  packet.headroom = headroom;
}

Bytes PacketBuffer::frame() const {
  return Bytes(packet.data, packet.data + packet.len);
}

bool PacketBuffer::in_bounds() const {
  return packet.data == memory_.data() + packet.headroom &&
         std::size_t{packet.headroom} + packet.len <= memory_.size();
}

}  // namespace lb::test
