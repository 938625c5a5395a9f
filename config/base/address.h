// Addresses of either family as an operator writes them: IPv4 as in net.h, IPv6 as in RFC 5952. For
// everything outside of the packet path, which has types of one family each. Value types, no
// allocation but in to_string() and to_bytes(); ordered IPv4 first, hashable.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/base/net.h"
#include "config/base/result.h"

namespace lb {

enum class Family : std::uint8_t { kIpv4, kIpv6 };

class Address {
 public:
  constexpr Address() = default;  // 0.0.0.0
  constexpr Address(Ipv4Address address) {
    const std::uint32_t host = address.host();
    for (unsigned i = 0; i < 4; ++i) bytes_[i] = static_cast<std::uint8_t>(host >> (24 - 8 * i));
  }
  static constexpr Address from_ipv6(const std::array<std::uint8_t, 16>& bytes) {
    Address address;
    address.family_ = Family::kIpv6;
    address.bytes_ = bytes;
    return address;
  }

  // Without zone. IPv4 in IPv6's notation (::ffff:192.0.2.1) is a mistake: whoever writes it means
  // the IPv4 address.
  static Result<Address> parse(std::string_view text);
  std::string to_string() const;

  constexpr Family family() const { return family_; }
  constexpr bool is_ipv4() const { return family_ == Family::kIpv4; }
  constexpr bool is_ipv6() const { return family_ == Family::kIpv6; }
  constexpr unsigned bits() const { return is_ipv4() ? 32 : 128; }
  // In network order, 4 or 16.
  constexpr std::span<const std::uint8_t> bytes() const {
    return std::span(bytes_).first(bits() / 8);
  }
  // Nothing when it is of IPv6.
  constexpr std::optional<Ipv4Address> to_ipv4() const {
    if (!is_ipv4()) return std::nullopt;
    return Ipv4Address::from_host(std::uint32_t{bytes_[0]} << 24 | std::uint32_t{bytes_[1]} << 16 |
                                  std::uint32_t{bytes_[2]} << 8 | bytes_[3]);
  }
  // Its first `length` bits; the others are 0.
  constexpr Address masked(unsigned length) const {
    Address out = *this;
    for (unsigned i = 0; i < bits() / 8; ++i) {
      const unsigned kept = length > 8 * i ? std::min(length - 8 * i, 8u) : 0;
      out.bytes_[i] &= static_cast<std::uint8_t>(0xff00 >> kept);
    }
    return out;
  }
  // Its first `length` bits; the others are 1.
  constexpr Address filled(unsigned length) const {
    Address out = *this;
    for (unsigned i = 0; i < bits() / 8; ++i) {
      const unsigned kept = length > 8 * i ? std::min(length - 8 * i, 8u) : 0;
      out.bytes_[i] |= static_cast<std::uint8_t>(0xff >> kept);
    }
    return out;
  }
  // 0.0.0.0 or ::
  constexpr bool is_unspecified() const { return bytes_ == std::array<std::uint8_t, 16>{}; }

  constexpr bool operator==(const Address&) const = default;
  constexpr auto operator<=>(const Address&) const = default;

 private:
  Family family_ = Family::kIpv4;
  std::array<std::uint8_t, 16> bytes_{};  // IPv4: the first four, the others are 0
};

// As messages carry an address: its bytes in network order, 4 or 16.
std::string to_bytes(const Address& address);
// Nothing when they are of no address.
std::optional<Address> address_from_bytes(std::string_view bytes);

struct Endpoint;
// The same with a port, which is a number of 32 bits in messages.
std::optional<Endpoint> endpoint_from_bytes(std::string_view bytes, std::uint32_t port);

// An address with a prefix length: "192.0.2.2/24", "2001:db8::1/64". The host bits are kept;
// network() clears them.
struct Prefix {
  Address address;
  std::uint8_t length = 32;

  constexpr Prefix() = default;
  constexpr Prefix(const Address& a, std::uint8_t l) : address(a), length(l) {}
  constexpr Prefix(const Ipv4Prefix& p) : address(p.address), length(p.length) {}

  static Result<Prefix> parse(std::string_view text);
  constexpr Address network() const { return address.masked(length); }
  // Of an IPv4 subnet the broadcast address.
  constexpr Address last() const { return address.filled(length); }
  // The same without host bits.
  constexpr Prefix masked() const { return {network(), length}; }
  // Never one of the other family.
  constexpr bool contains(const Address& a) const {
    if (a.family() != address.family()) return false;
    const auto mine = address.bytes();
    const auto theirs = a.bytes();
    const std::size_t whole = length / 8;
    if (!std::equal(mine.begin(), mine.begin() + static_cast<std::ptrdiff_t>(whole),
                    theirs.begin()))
      return false;
    const int rest = length % 8;
    return rest == 0 || (mine[whole] ^ theirs[whole]) >> (8 - rest) == 0;
  }
  // Nothing when it is of IPv6.
  constexpr std::optional<Ipv4Prefix> to_ipv4() const {
    const auto ipv4 = address.to_ipv4();
    if (!ipv4) return std::nullopt;
    return Ipv4Prefix{*ipv4, length};
  }
  std::string to_string() const;

  constexpr bool operator==(const Prefix&) const = default;
  constexpr auto operator<=>(const Prefix&) const = default;
};

// "192.0.2.10:80", "[2001:db8::10]:80". The port is in host byte order.
struct Endpoint {
  Address address;
  std::uint16_t port = 0;

  constexpr Endpoint() = default;
  constexpr Endpoint(const Address& a, std::uint16_t p) : address(a), port(p) {}
  constexpr Endpoint(const Ipv4Endpoint& e) : address(e.address), port(e.port) {}

  static Result<Endpoint> parse(std::string_view text);
  // Also "192.0.2.10" and "[2001:db8::10]", which leave the port open: 0.
  static Result<Endpoint> parse_port_optional(std::string_view text);
  // Nothing when it is of IPv6.
  constexpr std::optional<Ipv4Endpoint> to_ipv4() const {
    const auto ipv4 = address.to_ipv4();
    if (!ipv4) return std::nullopt;
    return Ipv4Endpoint{*ipv4, port};
  }
  std::string to_string() const;  // without a port if it is 0

  constexpr bool operator==(const Endpoint&) const = default;
  constexpr auto operator<=>(const Endpoint&) const = default;
};

// The ports of an address from first to last: "192.0.2.10:80", "[2001:db8::10]:8000-8100",
// "[2001:db8::10]:*" (all, from 1 on).
struct EndpointRange {
  Address address;
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  constexpr EndpointRange() = default;
  constexpr EndpointRange(const Address& a, std::uint16_t f, std::uint16_t l)
      : address(a), first(f), last(l) {}
  constexpr EndpointRange(const Ipv4EndpointRange& r)
      : address(r.address), first(r.first), last(r.last) {}

  static Result<EndpointRange> parse(std::string_view text);
  std::string to_string() const;
  constexpr Endpoint front() const { return {address, first}; }
  constexpr bool is_single() const { return first == last; }
  constexpr unsigned width() const { return last - first + 1u; }
  constexpr bool overlaps(const EndpointRange& o) const {
    return address == o.address && first <= o.last && o.first <= last;
  }
  // Nothing when it is of IPv6.
  constexpr std::optional<Ipv4EndpointRange> to_ipv4() const {
    const auto ipv4 = address.to_ipv4();
    if (!ipv4) return std::nullopt;
    return Ipv4EndpointRange{*ipv4, first, last};
  }

  constexpr bool operator==(const EndpointRange&) const = default;
  constexpr auto operator<=>(const EndpointRange&) const = default;
};

}  // namespace lb

template <>
struct std::hash<lb::Address> {
  std::size_t operator()(const lb::Address& address) const noexcept;
};

template <>
struct std::hash<lb::Endpoint> {
  std::size_t operator()(const lb::Endpoint& endpoint) const noexcept {
    return std::hash<lb::Address>{}(endpoint.address) * 31 + endpoint.port;
  }
};
