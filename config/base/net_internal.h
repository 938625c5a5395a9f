// Numbers in the texts of addresses: for net.cc and address.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/base/result.h"

namespace lb {

std::string quoted(std::string_view text);

// Digits only, no sign, no leading zero (which some programs read as octal).
std::optional<std::uint32_t> parse_decimal(std::string_view text);

// `text` is the whole, for messages.
Result<std::uint16_t> parse_port(std::string_view text, std::string_view digits);

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  std::string to_string() const;
};

// "80", "8000-8100" or "*". `address` is what stands before the colon.
Result<PortRange> parse_ports(std::string_view text, std::string_view address,
                              std::string_view ports);

}  // namespace lb
