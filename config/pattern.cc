#include "config/pattern.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>

namespace lb::config {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool parse_status(std::string_view text, std::uint16_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= kLowestStatus &&
         out <= kHighestStatus;
}

std::string_view without_blanks(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const char kind = ++i < text.size() ? text[i] : ' ';
    if (kind == 'x' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
        hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
      continue;
    }
    switch (kind) {
      case 'r':
        out += '\r';
        break;
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case '0':
        out += '\0';
        break;
      case '\\':
        out += '\\';
        break;
      default:
        return fail(
            "a backslash begins \\r, \\n, \\t, \\0, \\\\ or \\xHH with two hexadecimal "
            "digits; write one of them, in '...' rather than in \"...\"");
    }
  }
  return out;
}

Result<void> check_pattern(const std::string& pattern) {
  RE2::Options options(RE2::Latin1);
  options.set_log_errors(false);
  const RE2 compiled(pattern, options);
  if (!compiled.ok()) return fail(compiled.error());
  return {};
}

Result<StatusSet> parse_statuses(std::string_view text) {
  StatusSet out;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view part = without_blanks(text.substr(0, comma));
    const std::size_t dash = part.find('-');
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    const bool good = parse_status(without_blanks(part.substr(0, dash)), first) &&
                      (dash == std::string_view::npos
                           ? (last = first) != 0
                           : parse_status(without_blanks(part.substr(dash + 1)), last)) &&
                      first <= last;
    if (!good) {
      return fail(
          fmt::format("\"{}\" is not a status; write numbers from {} to {}, as \"200\" or "
                      "\"200-299,301\"",
                      part, kLowestStatus, kHighestStatus));
    }
    out.emplace_back(first, last);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  std::sort(out.begin(), out.end());
  StatusSet merged;
  for (const auto& [first, last] : out) {
    if (!merged.empty() && first <= merged.back().second + 1) {
      merged.back().second = std::max(merged.back().second, last);
    } else {
      merged.emplace_back(first, last);
    }
  }
  return merged;
}

std::string print_statuses(const StatusSet& statuses) {
  std::string out;
  for (const auto& [first, last] : statuses) {
    if (!out.empty()) out += ',';
    out += first == last ? std::to_string(first) : fmt::format("{}-{}", first, last);
  }
  return out;
}

}  // namespace lb::config
