// Names of the values of an enumeration: one table for each, beside the enumeration. The parser,
// the printer, messages and the API's codec all use it.
//
//   enum class Mode : std::uint8_t { kNat, kDr };
//   constexpr auto enum_names(Mode) {
//     return std::to_array<EnumName<Mode>>({{"nat", Mode::kNat}, {"dr", Mode::kDr}});
//   }
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace lb {

template <typename E>
struct EnumName {
  std::string_view name;
  E value;
};

template <typename E>
concept NamedEnum = requires {
  enum_names(E{});
};

// The table of E: every value once, in the order in which messages list them.
template <NamedEnum E>
inline constexpr auto kEnumNames = enum_names(E{});

// Empty when E has no such value, which a number from outside may cause.
template <NamedEnum E>
constexpr std::string_view name_of(E value) {
  for (const EnumName<E>& entry : kEnumNames<E>) {
    if (entry.value == value) return entry.name;
  }
  return {};
}

template <NamedEnum E>
constexpr std::optional<E> from_name(std::string_view name) {
  for (const EnumName<E>& entry : kEnumNames<E>) {
    if (entry.name == name) return entry.value;
  }
  return std::nullopt;
}

}  // namespace lb
