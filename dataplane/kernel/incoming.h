// Packets on their way to the kernel, of one burst: consecutive TCP segments of a flow become one
// large packet, as the kernel's own GRO would make of them behind a NIC. A TAP costs a system call
// and a walk through the stack per packet, however small it is. Free of DPDK.
//
// Joined is what Linux cuts into the same frames again when it forwards it: the same headers but for
// lengths, numbers and checksums, the same acknowledgment and TCP options, full segments but for the
// last. Their checksums are verified before, since the large packet says that they are right; a packet
// that is not joined is passed on as it is. Segments of a flow keep their order.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/kernel/vnet_header.h"

namespace lb {

class Incoming {
 public:
  static constexpr unsigned kMost = 64;  // frames
  struct Frame {
    std::uint8_t* data = nullptr;
    std::uint16_t size = 0;
    bool checked = false;  // the NIC verified its checksums
  };

  void clear() { frames_ = packets_ = 0; }
  // Not when there are kMost. Changed and used until clear().
  void add(const Frame& frame);

  // What the kernel gets: packets of one frame or several.
  unsigned packets() const { return packets_; }
  unsigned frames(unsigned packet) const { return list_[packet].count; }
  using Parts = std::array<iovec, kMost + 1>;
  // Fills in the header and the parts of a packet; returns how many parts there are.
  unsigned write(unsigned packet, VnetHeader& header, Parts& parts);

 private:
  // What of a frame decides whether it is joined to another one.
  struct Segment {
    bool tcp = false;
    bool joinable = false;  // plain data
    bool ipv6 = false;
    bool last = false;  // asks for delivery
    std::uint16_t l3 = 0, l4 = 0;
    std::uint16_t headers = 0;  // bytes in front of the payload
    std::uint16_t payload = 0;
    std::uint32_t sequence = 0;
    std::uint64_t flow = 0;  // alike for frames of one flow
  };
  struct Joined {
    Segment first;
    std::uint8_t head = 0, tail = 0;  // of the list of its frames
    std::uint8_t count = 0;
    bool open = false;     // may get further segments
    bool checked = false;  // the first one's checksums are right
    bool push = false;
    std::uint32_t next_sequence = 0;
    std::size_t payload = 0;
  };

  static Segment read(std::span<const std::uint8_t> frame);
  static bool read_tcp(std::span<const std::uint8_t> frame, std::size_t end, Segment& segment);
  Joined* newest_of(const Segment& segment);
  bool join(Joined& to, const Segment& segment, const Frame& frame);
  static bool same_headers(const Segment& first, const std::uint8_t* a, const std::uint8_t* b,
                           unsigned distance);
  static bool checksums_right(const Segment& segment, const std::uint8_t* frame);
  void write_headers(const Joined& packet);

  unsigned frames_ = 0;
  unsigned packets_ = 0;
  std::array<Frame, kMost> frame_{};
  std::array<std::uint8_t, kMost> next_{};  // of the same packet
  std::array<Joined, kMost> list_{};
};

}  // namespace lb
