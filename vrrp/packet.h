// VRRP advertisements over IPv4 as they lie on the wire, version 3 (RFC 9568 section 5.2) and
// version 2 (RFC 3768 section 5.3). Pure: bytes to values and back.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/net.h"

namespace lb::vrrp {

inline constexpr std::uint8_t kProtocol = 112;  // of IPv4
inline constexpr std::uint8_t kTtl = 255;       // a router on the way would have lowered it
inline constexpr Ipv4Address kMulticastGroup{Be32{0x120000e0}};  // 224.0.0.18
inline constexpr std::uint8_t kResignPriority = 0;
inline constexpr std::uint8_t kOwnerPriority = 255;
inline constexpr std::size_t kMaxAddresses = 255;
inline constexpr std::size_t kMaxAuthBytes = 8;

struct Advert {
  std::uint8_t version = 3;
  std::uint8_t vrid = 0;
  std::uint8_t priority = 0;
  // In whole seconds with version 2, up to 255; in 1/100 s with version 3, up to 40.95 s.
  std::chrono::milliseconds interval{1000};
  std::string auth_pass;  // version 2: simple text password (RFC 2338); empty: no authentication
  std::vector<Ipv4Address> addresses;

  bool operator==(const Advert&) const = default;
};

// Why a packet is no advertisement for us: one table, the name is what `lbcli show ha` prints.
#define LB_VRRP_REJECTS(X)                                                                    \
  X(bad_ttl, "TTL is not 255: it came through a router")                                      \
  X(bad_length, "shorter or longer than its addresses need")                                  \
  X(bad_checksum, "checksum is wrong")                                                        \
  X(bad_version, "another version of VRRP than ours")                                         \
  X(bad_type, "not an advertisement")                                                         \
  X(bad_vrid, "our addresses, but another virtual router ID")                                 \
  X(bad_auth, "authentication type or password differs from ours")                            \
  X(bad_address_list, "the addresses differ from ours")                                       \
  X(bad_interval, "the advertisement interval differs from ours")                             \
  X(bad_sender, "from an address that is none of unicast_peers")                              \
  X(unknown_router, "from a router that is neither the peer of the sync link nor configured") \
  X(unconfirmed, "in the peer's name, but it reports otherwise over the sync link")           \
  X(own_address, "from our own address: a loop, or another router with the same one")         \
  X(owner_conflict, "priority 255 from another router while we are the owner of the addresses")

enum class Reject : std::uint8_t {
#define X(name, text) name,
  LB_VRRP_REJECTS(X)
#undef X
      kCount
};
inline constexpr std::size_t kRejects = static_cast<std::size_t>(Reject::kCount);

std::string_view name_of(Reject reject);
std::string_view text_of(Reject reject);
// Whether the sender is a router that may not take part.
constexpr bool is_unknown(Reject reject) {
  return reject == Reject::bad_sender || reject == Reject::unknown_router;
}

// An IPv4 packet of protocol 112, as a raw socket delivers it.
struct Datagram {
  Ipv4Address source;
  Ipv4Address destination;
  std::uint8_t ttl = 0;
  std::span<const std::uint8_t> payload;
};
// False: the IPv4 header is malformed.
bool split_datagram(std::span<const std::uint8_t> packet, Datagram& datagram);

// The VRID that the payload names, so that its instance can be found; 0: too short for one.
std::uint8_t vrid_of(std::span<const std::uint8_t> payload);

// Checks everything that can be judged without an instance. `reject` is set when false. Both forms
// of version 3's checksum are taken, with the IPv4 pseudo-header (RFC 5798 and keepalived) and
// without it (RFC 9568).
bool decode(const Datagram& datagram, Advert& advert, Reject& reject);

// The payload; version 3's checksum covers the pseudo-header, as keepalived and Wireshark want it.
std::vector<std::uint8_t> encode(const Advert& advert, Ipv4Address source, Ipv4Address destination);

}  // namespace lb::vrrp
