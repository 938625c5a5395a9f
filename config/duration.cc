#include "config/duration.h"

#include <array>
#include <charconv>
#include <cstdint>

namespace lb::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};

constexpr std::array<Unit, 4> kUnits = {{{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

}  // namespace

Result<Milliseconds> parse_duration(std::string_view text) {
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc{}) {
    const std::string_view unit(stop, static_cast<std::size_t>(end - stop));
    for (const Unit& known : kUnits) {
      if (unit == known.name) return Milliseconds(number * known.milliseconds);
    }
  }
  return fail('"' + std::string(text) +
              "\" is not a duration; write a whole number and its unit, as \"500ms\", \"30s\", "
              "\"15m\" or \"1h\"");
}

std::string to_text(Milliseconds duration) {
  for (const Unit& unit : kUnits) {
    if (duration.count() != 0 && duration.count() % unit.milliseconds == 0) {
      return std::to_string(duration.count() / unit.milliseconds) + std::string(unit.name);
    }
  }
  return "0s";
}

}  // namespace lb::config
