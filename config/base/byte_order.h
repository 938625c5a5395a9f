// Byte order as a type: a field that holds network byte order is a Be16 or a Be32 and converts only
// by name.
#pragma once

#include <bit>
#include <compare>
#include <cstdint>

namespace lb {

static_assert(std::endian::native == std::endian::little,
              "Ballast is built for little-endian x86-64");

struct Be16 {
  std::uint16_t raw = 0;  // as it lies in the packet

  static constexpr Be16 from_host(std::uint16_t v) { return Be16{__builtin_bswap16(v)}; }
  constexpr std::uint16_t host() const { return __builtin_bswap16(raw); }
  constexpr bool operator==(const Be16&) const = default;
};

struct Be32 {
  std::uint32_t raw = 0;  // as it lies in the packet

  static constexpr Be32 from_host(std::uint32_t v) { return Be32{__builtin_bswap32(v)}; }
  constexpr std::uint32_t host() const { return __builtin_bswap32(raw); }
  constexpr bool operator==(const Be32&) const = default;
};

}  // namespace lb
