// Structured texts of checks: payloads with escapes, regular expressions, sets of
// numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/base/result.h"
#include "config/check.h"

namespace lb::config {

// \r \n \t \0 \\ and \xHH become the bytes that they name; other backslashes are mistakes.
Result<std::string> unescape(std::string_view text);

// Whether RE2 accepts it: the error is RE2's own.
Result<void> check_pattern(const std::string& pattern);

// Status codes of HTTP.
inline constexpr std::uint16_t kLowestStatus = 100;
inline constexpr std::uint16_t kHighestStatus = 599;

// "200-299,301"
Result<StatusSet> parse_statuses(std::string_view text);
std::string print_statuses(const StatusSet& statuses);

}  // namespace lb::config
