#include "dataplane/kernel/outgoing.h"

#include <algorithm>
#include <cstring>

#include "dataplane/kernel/ethernet.h"
#include "dataplane/kernel/vnet_header.h"
#include "dataplane/packet/checksum.h"
#include "dataplane/packet/wire.h"

namespace lb {

namespace {

constexpr std::uint8_t kPush = 0x08;
constexpr std::uint8_t kCongestionWindowReduced = 0x80;

}  // namespace

bool Outgoing::begin(std::span<std::uint8_t> packet) {
  left_ = 0;
  at_ = 0;
  if (packet.size() < sizeof(VnetHeader) + wire::kEthBytes) return false;
  VnetHeader header;
  std::memcpy(&header, packet.data(), sizeof header);
  frame_ = packet.subspan(sizeof header);
  const unsigned type = header.type & ~unsigned{VnetHeader::kEcn};
  const bool to_sum = (header.flags & VnetHeader::kNeedsChecksum) != 0;
  large_ = type != VnetHeader::kWhole;
  if (!large_) {
    if (to_sum && !finish_checksum(header.csum_start, header.csum_offset)) return false;
    left_ = 1;
    return true;
  }
  ipv6_ = type == VnetHeader::kTcpIpv6;
  if ((!ipv6_ && type != VnetHeader::kTcpIpv4) || !to_sum || header.segment_bytes == 0)
    return false;
  if (!find_headers(header.csum_start, ipv6_)) return false;
  segment_ = header.segment_bytes;
  left_ = static_cast<unsigned>((frame_.size() - headers_ + segment_ - 1) / segment_);
  return left_ != 0;
}

// The field has the pseudo header's sum (not complemented) in it.
bool Outgoing::finish_checksum(std::size_t start, std::size_t offset) {
  if (start + offset + 2 > frame_.size()) return false;
  const std::uint64_t sum = sum_bytes(frame_.data() + start, frame_.size() - start);
  // Of UDP 0 means none. TCP's 0 and 0xffff are the same.
  wire::store(frame_.data() + start + offset, udp_checksum_of(sum));
  return true;
}

bool Outgoing::find_headers(std::size_t l4, bool ipv6) {
  const auto ethernet = read_ethernet(frame_);
  if (!ethernet || ethernet->type != (ipv6 ? kTypeIpv6 : wire::kTypeIpv4)) return false;
  l3_ = ethernet->bytes;
  l4_ = l4;
  if (l4_ < l3_ + (ipv6 ? kIpv6Bytes : wire::kIpBytes)) return false;
  if (l4_ + wire::kTcpBytes > frame_.size()) return false;
  const std::size_t tcp = (frame_[l4_ + wire::kTcpDataOffset] >> 4) * std::size_t{4};
  headers_ = l4_ + tcp;
  return tcp >= wire::kTcpBytes && headers_ < frame_.size();
}

std::size_t Outgoing::next_bytes() const {
  if (!large_) return frame_.size();
  return headers_ + std::min(segment_, frame_.size() - headers_ - at_);
}

void Outgoing::write_next(std::uint8_t* to) {
  const std::size_t bytes = next_bytes();
  if (!large_) {
    std::memcpy(to, frame_.data(), bytes);
  } else {
    const std::size_t payload = bytes - headers_;
    std::memcpy(to, frame_.data(), headers_);
    std::memcpy(to + headers_, frame_.data() + headers_ + at_, payload);
    write_headers(to, payload);
    at_ += payload;
  }
  --left_;
}

void Outgoing::write_headers(std::uint8_t* to, std::size_t payload) const {
  const auto l4_bytes = static_cast<std::uint16_t>(headers_ - l4_ + payload);
  std::uint8_t* const ip = to + l3_;
  if (ipv6_) {
    const auto length = static_cast<std::uint16_t>(headers_ - l3_ - kIpv6Bytes + payload);
    wire::store(ip + kIpv6PayloadLength, Be16::from_host(length));
  } else {
    const auto length = static_cast<std::uint16_t>(headers_ - l3_ + payload);
    wire::store(ip + wire::kIpLength, Be16::from_host(length));
    const auto number = static_cast<std::uint16_t>(at_ / segment_);
    const std::uint16_t id = wire::load<Be16>(ip + wire::kIpId).host();
    wire::store(ip + wire::kIpId, Be16::from_host(static_cast<std::uint16_t>(id + number)));
    wire::store(ip + wire::kIpChecksum, std::uint16_t{0});
    wire::store(ip + wire::kIpChecksum, checksum_of(sum_bytes(ip, l4_ - l3_)));
  }
  std::uint8_t* const tcp = to + l4_;
  const std::uint32_t sequence = wire::load<Be32>(tcp + wire::kTcpSequence).host();
  wire::store(tcp + wire::kTcpSequence,
              Be32::from_host(sequence + static_cast<std::uint32_t>(at_)));
  if (left_ != 1) tcp[wire::kTcpFlags] &= static_cast<std::uint8_t>(~(wire::kFin | kPush));
  if (at_ != 0) tcp[wire::kTcpFlags] &= static_cast<std::uint8_t>(~kCongestionWindowReduced);
  // In the field is the pseudo header's sum, with the length of the whole.
  const auto whole = static_cast<std::uint16_t>(frame_.size() - l4_);
  std::uint64_t sum = sum_bytes(tcp, l4_bytes);
  sum = add_sums(sum, static_cast<std::uint16_t>(~Be16::from_host(whole).raw));
  sum = add_sums(sum, Be16::from_host(l4_bytes).raw);
  wire::store(tcp + wire::kTcpChecksum, checksum_of(sum));
}

}  // namespace lb
