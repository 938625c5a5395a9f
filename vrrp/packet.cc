#include "vrrp/packet.h"

#include <algorithm>
#include <array>

namespace lb::vrrp {
namespace {

constexpr std::uint8_t kTypeAdvertisement = 1;
constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kAddressBytes = 4;
constexpr std::size_t kChecksumAt = 6;
constexpr std::size_t kIpHeaderBytes = 20;
constexpr std::uint8_t kAuthNone = 0;
constexpr std::uint8_t kAuthSimpleText = 1;
constexpr unsigned kMaxCentiseconds = 0x0fff;

struct RejectText {
  std::string_view name, text;
};
constexpr std::array<RejectText, kRejects> kRejectTexts = {{
#define X(name, text) {#name, text},
    LB_VRRP_REJECTS(X)
#undef X
}};

std::uint16_t read16(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
std::uint32_t read32(std::span<const std::uint8_t> bytes, std::size_t at) {
  return std::uint32_t{read16(bytes, at)} << 16 | read16(bytes, at + 2);
}
void append32(std::vector<std::uint8_t>& bytes, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

// RFC 1071, not yet complemented.
std::uint32_t sum_of(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += read16(bytes, i);
  if (bytes.size() % 2 != 0) sum += std::uint32_t{bytes.back()} << 8;
  return sum;
}
std::uint32_t pseudo_header_sum(Ipv4Address source, Ipv4Address destination, std::size_t bytes) {
  const auto halves = [](Ipv4Address a) { return (a.host() >> 16) + (a.host() & 0xffff); };
  return halves(source) + halves(destination) + kProtocol + static_cast<std::uint32_t>(bytes);
}
std::uint16_t folded(std::uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

bool checksum_good(const Datagram& datagram, std::uint8_t version) {
  const std::uint32_t sum = sum_of(datagram.payload);
  if (folded(sum) == 0) return true;
  return version == 3 && folded(sum + pseudo_header_sum(datagram.source, datagram.destination,
                                                        datagram.payload.size())) == 0;
}

}  // namespace

std::string_view name_of(Reject reject) {
  return kRejectTexts[static_cast<std::size_t>(reject)].name;
}
std::string_view text_of(Reject reject) {
  return kRejectTexts[static_cast<std::size_t>(reject)].text;
}

bool split_datagram(std::span<const std::uint8_t> packet, Datagram& datagram) {
  if (packet.size() < kIpHeaderBytes || packet[0] >> 4 != 4) return false;
  const std::size_t header = (packet[0] & 0x0fU) * 4U;
  const std::size_t total = read16(packet, 2);
  if (header < kIpHeaderBytes || total < header || total > packet.size()) return false;
  datagram.ttl = packet[8];
  datagram.source = Ipv4Address::from_host(read32(packet, 12));
  datagram.destination = Ipv4Address::from_host(read32(packet, 16));
  datagram.payload = packet.subspan(header, total - header);
  return true;
}

std::uint8_t vrid_of(std::span<const std::uint8_t> payload) {
  return payload.size() < 2 ? 0 : payload[1];
}

bool decode(const Datagram& datagram, Advert& advert, Reject& reject) {
  const auto fail = [&reject](Reject why) {
    reject = why;
    return false;
  };
  const std::span<const std::uint8_t> bytes = datagram.payload;
  if (datagram.ttl != kTtl) return fail(Reject::bad_ttl);
  if (bytes.size() < kHeaderBytes) return fail(Reject::bad_length);
  advert.version = bytes[0] >> 4;
  if (advert.version != 2 && advert.version != 3) return fail(Reject::bad_version);
  if ((bytes[0] & 0x0f) != kTypeAdvertisement) return fail(Reject::bad_type);
  advert.vrid = bytes[1];
  advert.priority = bytes[2];
  const std::size_t count = bytes[3];
  const std::size_t addresses_end = kHeaderBytes + count * kAddressBytes;
  const std::size_t length = addresses_end + (advert.version == 2 ? kMaxAuthBytes : 0);
  if (bytes.size() != length) return fail(Reject::bad_length);
  if (!checksum_good(datagram, advert.version)) return fail(Reject::bad_checksum);

  advert.auth_pass.clear();
  if (advert.version == 3) {
    advert.interval = std::chrono::milliseconds(10 * (read16(bytes, 4) & kMaxCentiseconds));
  } else {
    advert.interval = std::chrono::seconds(bytes[5]);
    if (bytes[4] != kAuthNone && bytes[4] != kAuthSimpleText) return fail(Reject::bad_auth);
    if (bytes[4] == kAuthSimpleText) {
      const auto pass = bytes.subspan(addresses_end, kMaxAuthBytes);
      advert.auth_pass.assign(pass.begin(), std::find(pass.begin(), pass.end(), 0));
    }
  }
  // Zero would make every timer run out at once.
  if (advert.interval.count() == 0) return fail(Reject::bad_interval);
  // RFC 9568 section 5.2.5.
  if (count == 0 && advert.version == 3) return fail(Reject::bad_address_list);
  advert.addresses.clear();
  for (std::size_t at = kHeaderBytes; at < addresses_end; at += kAddressBytes) {
    advert.addresses.push_back(Ipv4Address::from_host(read32(bytes, at)));
  }
  return true;
}

std::vector<std::uint8_t> encode(const Advert& advert, Ipv4Address source,
                                 Ipv4Address destination) {
  std::vector<std::uint8_t> bytes;
  bytes.push_back(static_cast<std::uint8_t>(advert.version << 4 | kTypeAdvertisement));
  bytes.push_back(advert.vrid);
  bytes.push_back(advert.priority);
  bytes.push_back(static_cast<std::uint8_t>(advert.addresses.size()));
  if (advert.version == 3) {
    const auto centiseconds = static_cast<unsigned>(advert.interval.count() / 10);
    bytes.push_back(static_cast<std::uint8_t>(centiseconds >> 8 & 0x0f));
    bytes.push_back(static_cast<std::uint8_t>(centiseconds));
  } else {
    bytes.push_back(advert.auth_pass.empty() ? kAuthNone : kAuthSimpleText);
    bytes.push_back(static_cast<std::uint8_t>(advert.interval.count() / 1000));
  }
  bytes.insert(bytes.end(), {0, 0});
  for (const Ipv4Address address : advert.addresses) append32(bytes, address.host());
  if (advert.version == 2) {
    std::string pass = advert.auth_pass;
    pass.resize(kMaxAuthBytes);
    bytes.insert(bytes.end(), pass.begin(), pass.end());
  }
  const std::uint32_t pseudo =
      advert.version == 3 ? pseudo_header_sum(source, destination, bytes.size()) : 0;
  const std::uint16_t checksum = folded(sum_of(bytes) + pseudo);
  bytes[kChecksumAt] = static_cast<std::uint8_t>(checksum >> 8);
  bytes[kChecksumAt + 1] = static_cast<std::uint8_t>(checksum);
  return bytes;
}

}  // namespace lb::vrrp
