// A packet that the kernel sends by a kernel interface: up to 64 kB of TCP with a virtio_net_hdr in
// front. Cut here into frames of the size that the kernel asks for, with their checksums. In
// software, for every device alike: asking a NIC for segmentation takes its driver's simple and
// vector paths away from all packets that are forwarded, and what is copied here is in the cache.
// Free of DPDK.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace lb {

class Outgoing {
 public:
  // `packet` is what was read from a TAP's queue; it is used until the last frame was written.
  // False: it is malformed, or of a kind that the kernel was not told to send.
  bool begin(std::span<std::uint8_t> packet);

  // The packet as the kernel sends it: headers as in its first frame but for lengths and checksums.
  std::span<const std::uint8_t> whole() const { return frame_; }
  // Frames that are left.
  unsigned frames() const { return left_; }
  // Bytes of the next frame. Not when none is left.
  std::size_t next_bytes() const;
  // Writes the next frame.
  void write_next(std::uint8_t* to);

 private:
  bool finish_checksum(std::size_t start, std::size_t offset);
  bool find_headers(std::size_t l4, bool ipv6);
  void write_headers(std::uint8_t* to, std::size_t payload) const;

  std::span<std::uint8_t> frame_;
  unsigned left_ = 0;
  bool large_ = false;  // more than one frame, or one with its checksum to be computed as if
  bool ipv6_ = false;
  std::size_t l3_ = 0, l4_ = 0;
  std::size_t headers_ = 0;  // bytes in front of the payload
  std::size_t segment_ = 0;  // payload of each frame but the last
  std::size_t at_ = 0;       // payload written
};

}  // namespace lb
