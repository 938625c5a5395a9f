#include "dataplane/kernel/incoming.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "dataplane/kernel/ethernet.h"
#include "dataplane/packet/checksum.h"
#include "dataplane/packet/wire.h"

namespace lb {

namespace {

constexpr std::uint8_t kPush = 0x08;
constexpr std::size_t kLargestIp = 65'535;
// Among how many packets a flow is looked for, from the newest on.
constexpr unsigned kLookBack = 16;

std::uint64_t pseudo_sum(const std::uint8_t* ip, bool ipv6, std::size_t l4_bytes) {
  std::uint64_t sum = ipv6 ? sum_bytes(ip + kIpv6Source, 32) : sum_bytes(ip + wire::kIpSource, 8);
  sum = add_sums(sum, Be16::from_host(IPPROTO_TCP).raw);
  return add_sums(sum, Be16::from_host(static_cast<std::uint16_t>(l4_bytes)).raw);
}

}  // namespace

Incoming::Segment Incoming::read(std::span<const std::uint8_t> frame) {
  Segment segment;
  const auto ethernet = read_ethernet(frame);
  if (!ethernet) return segment;
  const std::size_t l3 = ethernet->bytes;
  const std::uint8_t* const ip = frame.data() + l3;
  std::size_t end = l3;  // of the packet: behind it is padding
  if (ethernet->type == wire::kTypeIpv4) {
    if (frame.size() < l3 + wire::kIpBytes || ip[0] != wire::kIpVersionAndLength ||
        ip[wire::kIpProtocol] != IPPROTO_TCP ||
        (wire::load<Be16>(ip + wire::kIpFragment).raw & wire::kIpFragmentBits.raw) != 0) {
      return segment;
    }
    segment.l4 = static_cast<std::uint16_t>(l3 + wire::kIpBytes);
    segment.flow = wire::load<std::uint64_t>(ip + wire::kIpSource);
    end += wire::load<Be16>(ip + wire::kIpLength).host();
  } else if (ethernet->type == kTypeIpv6) {
    if (frame.size() < l3 + kIpv6Bytes || ip[0] >> 4 != 6 || ip[kIpv6NextHeader] != IPPROTO_TCP) {
      return segment;
    }
    segment.ipv6 = true;
    segment.l4 = static_cast<std::uint16_t>(l3 + kIpv6Bytes);
    for (unsigned at = kIpv6Source; at < kIpv6Bytes; at += 8) {
      segment.flow = segment.flow * 31 + wire::load<std::uint64_t>(ip + at);
    }
    end += kIpv6Bytes + wire::load<Be16>(ip + kIpv6PayloadLength).host();
  } else {
    return segment;
  }
  segment.l3 = static_cast<std::uint16_t>(l3);
  segment.tcp = end <= frame.size() && read_tcp(frame, end, segment);
  return segment;
}

bool Incoming::read_tcp(std::span<const std::uint8_t> frame, std::size_t end, Segment& segment) {
  if (segment.l4 + wire::kTcpBytes > end) return false;
  const std::uint8_t* const tcp = frame.data() + segment.l4;
  const std::size_t headers = segment.l4 + (tcp[wire::kTcpDataOffset] >> 4) * std::size_t{4};
  if (headers < segment.l4 + wire::kTcpBytes || headers > end) return false;
  segment.headers = static_cast<std::uint16_t>(headers);
  segment.payload = static_cast<std::uint16_t>(end - headers);
  segment.sequence = wire::load<Be32>(tcp + wire::kTcpSequence).host();
  segment.flow ^= std::uint64_t{wire::load<std::uint32_t>(tcp)} * 0x9e37'79b9'7f4a'7c15;
  const std::uint8_t flags = tcp[wire::kTcpFlags];
  segment.last = (flags & kPush) != 0;
  segment.joinable = segment.payload != 0 && (flags & ~kPush) == wire::kAck;
  return true;
}

void Incoming::add(const Frame& frame) {
  const auto index = static_cast<std::uint8_t>(frames_++);
  frame_[index] = frame;
  const Segment segment = read({frame.data, frame.size});
  if (segment.tcp) {
    if (Joined* const newest = newest_of(segment)) {
      if (join(*newest, segment, frame)) {
        next_[newest->tail] = index;
        newest->tail = index;
        ++newest->count;
        return;
      }
      newest->open = false;
    }
  }
  Joined& packet = list_[packets_++];
  packet = {};
  packet.first = segment;
  packet.head = packet.tail = index;
  packet.count = 1;
  packet.open = segment.joinable && !segment.last;
  packet.checked = frame.checked;
  packet.next_sequence = segment.sequence + segment.payload;
  packet.payload = segment.payload;
}

Incoming::Joined* Incoming::newest_of(const Segment& segment) {
  const unsigned oldest = packets_ - std::min(packets_, kLookBack);
  for (unsigned i = packets_; i-- > oldest;) {
    if (list_[i].first.tcp && list_[i].first.flow == segment.flow) return &list_[i];
  }
  return nullptr;
}

bool Incoming::join(Joined& to, const Segment& segment, const Frame& frame) {
  const Segment& first = to.first;
  if (!to.open || !segment.joinable || segment.sequence != to.next_sequence ||
      segment.payload > first.payload || segment.ipv6 != first.ipv6 || segment.l4 != first.l4 ||
      segment.headers != first.headers) {
    return false;
  }
  if (first.headers - first.l3 + to.payload + segment.payload > kLargestIp) return false;
  const std::uint8_t* const head = frame_[to.head].data;
  if (!same_headers(first, head, frame.data, to.count)) return false;
  if (!frame.checked && !checksums_right(segment, frame.data)) return false;
  if (!to.checked) {
    if (!checksums_right(first, head)) return false;
    to.checked = true;
  }
  to.payload += segment.payload;
  to.next_sequence += segment.payload;
  to.push = segment.last;
  to.open = !segment.last && segment.payload == first.payload;
  return true;
}

// `distance`: how many frames b comes after a.
bool Incoming::same_headers(const Segment& first, const std::uint8_t* a, const std::uint8_t* b,
                            unsigned distance) {
  const auto same = [a, b](std::size_t at, std::size_t bytes) {
    return std::memcmp(a + at, b + at, bytes) == 0;
  };
  const std::size_t l3 = first.l3;
  if (!same(0, l3)) return false;
  if (first.ipv6) {
    // Version, traffic class, flow label; next header to the addresses.
    if (!same(l3, 4) || !same(l3 + kIpv6NextHeader, kIpv6Bytes - kIpv6NextHeader)) return false;
  } else {
    if (!same(l3, 2) || !same(l3 + wire::kIpFragment, 4) || !same(l3 + wire::kIpSource, 8)) {
      return false;
    }
    const auto id = [l3](const std::uint8_t* frame) {
      return wire::load<Be16>(frame + l3 + wire::kIpId).host();
    };
    const bool whole = wire::load<Be16>(a + l3 + wire::kIpFragment) == wire::kIpDontFragment;
    if (!whole && static_cast<std::uint16_t>(id(a) + distance) != id(b)) return false;
  }
  const std::size_t l4 = first.l4;
  const std::size_t options = l4 + wire::kTcpBytes;
  return same(l4, 4) && same(l4 + wire::kTcpAcknowledgment, 4) &&
         same(l4 + wire::kTcpDataOffset, 1) && same(options, first.headers - options);
}

bool Incoming::checksums_right(const Segment& segment, const std::uint8_t* frame) {
  const std::uint8_t* const ip = frame + segment.l3;
  if (!segment.ipv6 && fold(sum_ip_header(ip)) != 0xffff) return false;
  const std::size_t l4_bytes = segment.headers - segment.l4 + std::size_t{segment.payload};
  const std::uint64_t pseudo = pseudo_sum(ip, segment.ipv6, l4_bytes);
  return fold(sum_bytes(frame + segment.l4, l4_bytes, pseudo)) == 0xffff;
}

unsigned Incoming::write(unsigned packet, VnetHeader& header, Parts& parts) {
  const Joined& joined = list_[packet];
  header = {};
  parts[0] = {&header, sizeof header};
  parts[1] = {frame_[joined.head].data, frame_[joined.head].size};
  if (joined.count == 1) return 2;
  write_headers(joined);
  const Segment& first = joined.first;
  header.flags = VnetHeader::kNeedsChecksum;
  header.type = first.ipv6 ? VnetHeader::kTcpIpv6 : VnetHeader::kTcpIpv4;
  header.header_bytes = first.headers;
  header.segment_bytes = first.payload;
  header.csum_start = first.l4;
  header.csum_offset = wire::kTcpChecksum;
  parts[1].iov_len = std::size_t{first.headers} + first.payload;  // without padding
  std::size_t left = joined.payload - first.payload;
  unsigned count = 2;
  for (unsigned i = 1, at = next_[joined.head]; i < joined.count; ++i, at = next_[at]) {
    const std::size_t bytes = std::min<std::size_t>(left, first.payload);
    parts[count++] = {frame_[at].data + first.headers, bytes};
    left -= bytes;
  }
  return count;
}

// In the first frame, which is in front of the payload of all.
void Incoming::write_headers(const Joined& packet) {
  const Segment& first = packet.first;
  std::uint8_t* const frame = frame_[packet.head].data;
  std::uint8_t* const ip = frame + first.l3;
  const std::size_t l4_bytes = first.headers - first.l4 + packet.payload;
  if (first.ipv6) {
    wire::store(ip + kIpv6PayloadLength, Be16::from_host(static_cast<std::uint16_t>(l4_bytes)));
  } else {
    const auto length = static_cast<std::uint16_t>(wire::kIpBytes + l4_bytes);
    wire::store(ip + wire::kIpLength, Be16::from_host(length));
    wire::store(ip + wire::kIpChecksum, std::uint16_t{0});
    wire::store(ip + wire::kIpChecksum, checksum_of(sum_ip_header(ip)));
  }
  std::uint8_t* const tcp = frame + first.l4;
  if (packet.push) tcp[wire::kTcpFlags] |= kPush;
  wire::store(tcp + wire::kTcpChecksum, fold(pseudo_sum(ip, first.ipv6, l4_bytes)));
}

}  // namespace lb
