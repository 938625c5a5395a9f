#include "perf/source/frames.h"

#include <array>

namespace lb::perf {

namespace {

constexpr unsigned kIp = 14;
constexpr unsigned kL4 = 34;

void put16(std::uint8_t* at, std::uint16_t host) {
  const std::uint16_t net = net16(host);
  std::memcpy(at, &net, 2);
}

// Of 16-bit words as they lie in memory; an odd byte at the end counts as followed by a zero.
std::uint64_t sum_words(const std::uint8_t* from, std::size_t bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes; i += 2) {
    std::uint16_t word = 0;
    std::memcpy(&word, from + i, 2);
    sum += word;
  }
  return bytes % 2 == 0 ? sum : sum + from[bytes - 1];
}

}  // namespace

FrameTemplate::FrameTemplate(const std::uint8_t* to_mac, const std::uint8_t* from_mac,
                             std::uint8_t proto, std::uint8_t tcp_flags, std::uint16_t frame_bytes)
    : udp_mask_(proto == kUdp ? ~std::uint64_t{0} : 0), frame_bytes_(frame_bytes) {
  std::array<std::uint8_t, sizeof(words_)> frame{};
  const auto ip_bytes = static_cast<std::uint16_t>(frame_bytes - kIp);
  const auto l4_bytes = static_cast<std::uint16_t>(frame_bytes - kL4);
  std::memcpy(&frame[0], to_mac, 6);
  std::memcpy(&frame[6], from_mac, 6);
  put16(&frame[12], 0x0800);
  frame[kIp] = 0x45;
  put16(&frame[kIp + 2], ip_bytes);
  put16(&frame[kIp + 6], 0x4000);  // do not fragment
  frame[kIp + 8] = 64;
  frame[kIp + 9] = proto;
  if (proto == kTcp) {
    frame[kL4 + 12] = 5 << 4;
    frame[kL4 + 13] = tcp_flags;
    put16(&frame[kL4 + 14], 65'535);
  } else {
    put16(&frame[kL4 + 4], l4_bytes);
  }
  std::memcpy(words_.data(), frame.data(), frame.size());
  const std::uint64_t ip = fold(sum_words(&frame[kIp], 20));
  // With the pseudo header; the payload is zeros.
  const std::uint64_t l4 =
      fold(sum_words(&frame[kL4], frame.size() - kL4) + net16(proto) + net16(l4_bytes));
  sums_ = ip | l4 << 32;
}

bool is_sound(const std::uint8_t* frame, std::uint16_t frame_bytes) {
  const auto ip_bytes = static_cast<std::uint16_t>(frame[kIp + 2] << 8 | frame[kIp + 3]);
  if (frame[kIp] != 0x45 || ip_bytes + kIp > frame_bytes || ip_bytes < 28) return false;
  if (fold(sum_words(frame + kIp, 20)) != 0xffff) return false;
  const bool has_none = frame[kIp + 9] == kUdp && frame[kL4 + 6] == 0 && frame[kL4 + 7] == 0;
  if (has_none) return true;
  const auto l4_bytes = static_cast<std::uint16_t>(ip_bytes - 20);
  const std::uint64_t pseudo =
      sum_words(frame + kIp + 12, 8) + net16(frame[kIp + 9]) + net16(l4_bytes);
  return fold(sum_words(frame + kL4, l4_bytes) + pseudo) == 0xffff;
}

}  // namespace lb::perf
