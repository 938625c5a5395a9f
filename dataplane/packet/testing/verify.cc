// The second opinion: reads byte by byte and shares no code with the data plane or the builder.
#include "dataplane/packet/testing/builder.h"

namespace lb::test {

namespace {

using View = std::span<const std::uint8_t>;

unsigned get16(View bytes, std::size_t at) {
  return bytes[at] * 256u + bytes[at + 1];
}

// One's-complement sum of big-endian words; right data with its checksum gives 0xffff.
unsigned sum_words(View bytes, unsigned sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? bytes[i] * 256u : bytes[i];
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

unsigned sum_pseudo_header(View ip, std::size_t l4_bytes) {
  unsigned sum = sum_words(ip.subspan(12, 8));
  for (const unsigned word : {unsigned{ip[9]}, static_cast<unsigned>(l4_bytes)}) {
    sum += word;
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

std::string verify_ip(View bytes, bool is_quote);

std::string verify_tcp(View ip, View l4) {
  if (l4.size() < 20) return "TCP header is cut short";
  const std::size_t header_bytes = (l4[12] >> 4) * 4u;
  if (header_bytes < 20 || header_bytes > l4.size()) return "TCP data offset";
  return sum_words(l4, sum_pseudo_header(ip, l4.size())) == 0xffff ? "" : "TCP checksum";
}

std::string verify_udp(View ip, View l4) {
  if (l4.size() < 8) return "UDP header is cut short";
  const std::size_t udp_bytes = get16(l4, 4);
  if (udp_bytes < 8 || udp_bytes > l4.size()) return "UDP length";
  if (get16(l4, 6) == 0) return "";
  return sum_words(l4.first(udp_bytes), sum_pseudo_header(ip, udp_bytes)) == 0xffff
             ? ""
             : "UDP checksum";
}

std::string verify_icmp(View l4) {
  if (l4.size() < 8) return "ICMP header is cut short";
  if (sum_words(l4) != 0xffff) return "ICMP checksum";
  const unsigned type = l4[0];
  const bool is_error = (type >= 3 && type <= 5) || type == 11 || type == 12;
  if (!is_error) return "";
  const std::string inner = verify_ip(l4.subspan(8), true);
  return inner.empty() ? "" : "quoted " + inner;
}

std::string verify_ip(View bytes, bool is_quote) {
  if (bytes.size() < 20) return "IPv4 header is cut short";
  const std::size_t header_bytes = (bytes[0] & 15u) * 4u;
  std::size_t ip_bytes = get16(bytes, 2);
  if (bytes[0] >> 4 != 4) return "IPv4 version";
  if (header_bytes < 20 || header_bytes > ip_bytes || header_bytes > bytes.size()) {
    return "IPv4 header length";
  }
  if (sum_words(bytes.first(header_bytes)) != 0xffff) return "IPv4 header checksum";
  if (ip_bytes > bytes.size()) {
    if (!is_quote) return "IPv4 total length";
    return "";
  }
  if ((get16(bytes, 6) & 0x3fff) != 0) return "";
  const View ip = bytes.first(ip_bytes);
  const View l4 = ip.subspan(header_bytes);
  if (ip[9] == kProtoTcp) return verify_tcp(ip, l4);
  if (ip[9] == kProtoUdp) return verify_udp(ip, l4);
  if (ip[9] == kProtoIcmp) return verify_icmp(l4);
  return "";
}

// Offset of the IPv4 header, or 0.
std::size_t find_ip(View frame) {
  if (frame.size() >= 14 && get16(frame, 12) == 0x0800) return 14;
  if (frame.size() >= 18 && get16(frame, 12) == 0x8100 && get16(frame, 16) == 0x0800) return 18;
  return 0;
}

}  // namespace

std::string verify(std::span<const std::uint8_t> frame) {
  const std::size_t l3 = find_ip(frame);
  return l3 == 0 ? "not IPv4 in Ethernet" : verify_ip(frame.subspan(l3), false);
}

}  // namespace lb::test
