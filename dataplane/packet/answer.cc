#include "dataplane/packet/answer.h"

#include <algorithm>

#include "dataplane/packet/checksum.h"

namespace lb {

void write_ip_header(std::uint8_t* ip, const IpHeader& header) {
  constexpr std::uint8_t kTtl = 64;  // RFC 1700
  ip[0] = wire::kIpVersionAndLength;
  ip[wire::kIpTos] = header.tos;
  wire::store(ip + wire::kIpLength, Be16::from_host(header.bytes));
  wire::store(ip + wire::kIpId, Be16{});
  wire::store(ip + wire::kIpFragment, wire::kIpDontFragment);
  ip[wire::kIpTtl] = kTtl;
  ip[wire::kIpProtocol] = header.proto;
  wire::store(ip + wire::kIpChecksum, std::uint16_t{0});
  wire::store(ip + wire::kIpSource, header.src);
  wire::store(ip + wire::kIpDestination, header.dst);
  wire::store(ip + wire::kIpChecksum, checksum_of(sum_ip_header(ip)));
}

bool has_unicast_macs(const Packet& packet) {
  return ((packet.data[0] | packet.data[wire::kEthSource]) & 1) == 0;
}

void swap_macs(std::uint8_t* frame) {
  std::swap_ranges(frame, frame + wire::kMacBytes, frame + wire::kEthSource);
}

}  // namespace lb
