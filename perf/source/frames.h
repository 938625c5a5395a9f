// The frames of the packet source: a flow's number gives its addresses and ports.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

namespace lb::perf {

// The network that the suite configures the director for (perf/suite/director.py).
inline constexpr std::uint32_t kClientNet = 0x0a400000;  // 10.64.0.0 and up
inline constexpr std::uint32_t kVip = 0xc000020a;        // 192.0.2.10
inline constexpr std::uint32_t kServerNet = 0x0a00000a;  // 10.0.0.10 and up: one per live service
inline constexpr std::uint16_t kServicePort = 80;        // and up
inline constexpr std::uint16_t kServerPort = 8080;
inline constexpr std::uint16_t kFreshPort = 10'000;  // the service of new flows
inline constexpr std::uint64_t kFirstFresh = std::uint64_t{1} << 28;
inline constexpr std::uint8_t kTcp = 6;
inline constexpr std::uint8_t kUdp = 17;
inline constexpr std::uint8_t kFin = 1, kSyn = 2, kPsh = 8, kAck = 16;
inline constexpr unsigned kStampOffset = 48;  // of the time in a frame whose latency is taken

// As they stand in a frame.
struct Ends {
  std::uint32_t src = 0, dst = 0;      // network order
  std::uint16_t sport = 0, dport = 0;  // network order
  Ends reversed() const { return {dst, src, dport, sport}; }
};

inline std::uint32_t net32(std::uint32_t host) {
  return __builtin_bswap32(host);
}
inline std::uint16_t net16(std::uint16_t host) {
  return __builtin_bswap16(host);
}

inline Ends ends_of(std::uint64_t flow, std::uint16_t service_port) {
  return {net32(kClientNet + static_cast<std::uint32_t>(flow >> 15)), net32(kVip),
          net16(static_cast<std::uint16_t>(1024 + (flow & 0x7fff))), net16(service_port)};
}
inline Ends live_ends(std::uint64_t flow, std::uint64_t services) {
  return ends_of(flow, static_cast<std::uint16_t>(kServicePort + (flow & (services - 1))));
}
// From the real server, in NAT mode.
inline Ends reply_ends(std::uint64_t flow, std::uint64_t services) {
  const Ends client = live_ends(flow, services);
  return {net32(kServerNet + static_cast<std::uint32_t>(flow & (services - 1))), client.src,
          net16(kServerPort), client.sport};
}

inline std::uint16_t fold(std::uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

// A frame without addresses and ports, and what its checksums are without them.
class FrameTemplate {
 public:
  FrameTemplate() = default;
  FrameTemplate(const std::uint8_t* to_mac, const std::uint8_t* from_mac, std::uint8_t proto,
                std::uint8_t tcp_flags, std::uint16_t frame_bytes);

  // Writes the first 64 bytes, in whole words: this runs for every packet of every measurement.
  void write(std::uint8_t* frame, const Ends& ends) const {
    // Both sums side by side, 32 bits each, folded together.
    const std::uint64_t addresses =
        (ends.src & 0xffffU) + (ends.src >> 16) + (ends.dst & 0xffffU) + (ends.dst >> 16);
    const std::uint64_t ports = std::uint64_t{ends.sport} + ends.dport;
    std::uint64_t sums = sums_ + (addresses | (addresses + ports) << 32);
    constexpr std::uint64_t kLow = 0x0000ffff0000ffff;
    sums = (sums & kLow) + (sums >> 16 & kLow);
    sums = ~((sums & kLow) + (sums >> 16 & kLow)) & kLow;
    const std::uint64_t l4_sum = sums >> 32;

    // One by one: an array on the stack would be read back in larger pieces than it was written in.
    store(frame, words_[0]);
    store(frame + 8, words_[1]);
    store(frame + 16, words_[2]);
    store(frame + 24,
          (sums & 0xffff) | std::uint64_t{ends.src} << 16 | std::uint64_t{ends.dst} << 48);
    store(frame + 32, words_[4] | ends.dst >> 16 | std::uint64_t{ends.sport} << 16 |
                          std::uint64_t{ends.dport} << 32);
    store(frame + 40, words_[5] | (l4_sum & udp_mask_));
    store(frame + 48, words_[6] | (l4_sum & ~udp_mask_) << 16);
    store(frame + 56, words_[7]);
  }
  std::uint16_t frame_bytes() const { return frame_bytes_; }

 private:
  static void store(std::uint8_t* at, std::uint64_t word) { std::memcpy(at, &word, sizeof(word)); }

  std::array<std::uint64_t, 8> words_{};  // the frame
  std::uint64_t sums_ = 0;                // of the IPv4 header; in the upper half of L4
  std::uint64_t udp_mask_ = 0;            // where the L4 checksum goes: all ones for UDP
  std::uint16_t frame_bytes_ = 0;
};

// What the source reads of a frame that it gets back.
struct Sunk {
  Ends ends;
  std::uint8_t proto = 0;
  std::uint8_t tcp_flags = 0;
};
inline bool is_ipv4(const std::uint8_t* frame) {
  return frame[12] == 8 && frame[13] == 0;
}
inline Sunk read_frame(const std::uint8_t* frame) {
  Sunk sunk;
  std::memcpy(&sunk.ends, frame + 26, 12);
  sunk.proto = frame[23];
  sunk.tcp_flags = frame[47];
  return sunk;
}

// Are both checksums right? Of a frame whose bytes are all in one piece.
bool is_sound(const std::uint8_t* frame, std::uint16_t frame_bytes);

}  // namespace lb::perf
