// Addresses as an operator writes them. Value types, no allocation but in to_string().
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/base/byte_order.h"
#include "config/base/result.h"

namespace lb {

struct Ipv4Address {
  Be32 be;

  static Result<Ipv4Address> parse(std::string_view text);
  static constexpr Ipv4Address from_host(std::uint32_t v) { return {Be32::from_host(v)}; }
  constexpr std::uint32_t host() const { return be.host(); }
  std::string to_string() const;

  constexpr bool operator==(const Ipv4Address&) const = default;
  constexpr auto operator<=>(const Ipv4Address& o) const { return host() <=> o.host(); }
};

// For messages: 4 bytes in network order.
std::string to_bytes(Ipv4Address address);

// An address with a prefix length: "192.0.2.2/24". The host bits are kept; network() clears them.
struct Ipv4Prefix {
  Ipv4Address address;
  std::uint8_t length = 32;

  static Result<Ipv4Prefix> parse(std::string_view text);
  constexpr std::uint32_t mask() const {
    return length == 0 ? 0 : ~std::uint32_t{0} << (32 - length);
  }
  constexpr Ipv4Address network() const { return Ipv4Address::from_host(address.host() & mask()); }
  constexpr bool contains(Ipv4Address a) const {
    return ((a.host() ^ address.host()) & mask()) == 0;
  }
  std::string to_string() const;

  constexpr bool operator==(const Ipv4Prefix&) const = default;
  constexpr auto operator<=>(const Ipv4Prefix&) const = default;
};

// "192.0.2.10:80". The port is in host byte order.
struct Ipv4Endpoint {
  Ipv4Address address;
  std::uint16_t port = 0;

  static Result<Ipv4Endpoint> parse(std::string_view text);
  // Also "192.0.2.10", which leaves the port open: 0.
  static Result<Ipv4Endpoint> parse_port_optional(std::string_view text);
  std::string to_string() const;  // without a port if it is 0

  constexpr bool operator==(const Ipv4Endpoint&) const = default;
  constexpr auto operator<=>(const Ipv4Endpoint&) const = default;
};

// The ports of an address from first to last: "192.0.2.10:80", "192.0.2.10:8000-8100",
// "192.0.2.10:*" (all, from 1 on).
struct Ipv4EndpointRange {
  Ipv4Address address;
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  static Result<Ipv4EndpointRange> parse(std::string_view text);
  std::string to_string() const;
  constexpr Ipv4Endpoint front() const { return {address, first}; }
  constexpr bool is_single() const { return first == last; }
  constexpr unsigned width() const { return last - first + 1u; }
  constexpr bool overlaps(const Ipv4EndpointRange& o) const {
    return address == o.address && first <= o.last && o.first <= last;
  }

  constexpr bool operator==(const Ipv4EndpointRange&) const = default;
  constexpr auto operator<=>(const Ipv4EndpointRange&) const = default;
};

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  static Result<MacAddress> parse(std::string_view text);
  std::string to_string() const;

  constexpr bool operator==(const MacAddress&) const = default;
};

}  // namespace lb
