#include "config/base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace lb {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Sorted. General categories Cc, Zl, Zp and what of Cf is invisible or changes the direction.
constexpr auto kHidden = std::to_array<Range>({
    {0x00, 0x1f},
    {0x7f, 0x9f},
    {0xad, 0xad},        // soft hyphen
    {0x61c, 0x61c},      // Arabic letter mark
    {0x180e, 0x180e},    // Mongolian vowel separator
    {0x200b, 0x200f},    // zero width, direction marks
    {0x2028, 0x202e},    // separators, direction overrides
    {0x2060, 0x206f},    // invisible operators, direction isolates
    {0xfeff, 0xfeff},    // byte order mark
    {0xfff9, 0xfffb},    // annotations
    {0xe0000, 0xe007f},  // tags
});

constexpr char32_t kFirstHiddenBeyondAscii = 0x80;
constexpr char32_t kFirstBeyondPlane0 = 0x10000;

bool is_plain_ascii(char c) {
  return c >= ' ' && c < '\x7f';
}

void append_escape(std::string& out, const Character& character, char byte) {
  const auto to = std::back_inserter(out);
  if (!character.is_valid || character.code < kFirstHiddenBeyondAscii) {
    switch (byte) {
      case '\n':
        out += "\\n";
        return;
      case '\r':
        out += "\\r";
        return;
      case '\t':
        out += "\\t";
        return;
      default:
        fmt::format_to(to, "\\x{:02x}", static_cast<unsigned char>(byte));
        return;
    }
  }
  const auto code = static_cast<std::uint32_t>(character.code);
  if (character.code < kFirstBeyondPlane0) {
    fmt::format_to(to, "\\u{:04x}", code);
  } else {
    fmt::format_to(to, "\\U{:08x}", code);
  }
}

}  // namespace

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, lead, true};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
  char32_t code = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  // Overlong forms, surrogates and what lies beyond Unicode.
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return {};
  return {length, code, true};
}

bool is_printable(char32_t code) {
  return std::none_of(kHidden.begin(), kHidden.end(), [code](const Range& range) {
    return code >= range.first && code <= range.last;
  });
}

std::string printable(std::string_view text, std::string_view keep) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const char front = text.front();
    Character character;
    if (is_plain_ascii(front) || keep.find(front) != std::string_view::npos) {
      out += front;
    } else if (character = first_character(text);
               character.is_valid && is_printable(character.code)) {
      out += text.substr(0, character.bytes);
    } else {
      append_escape(out, character, front);
    }
    text.remove_prefix(character.bytes);
  }
  return out;
}

std::string printable_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  const auto to = std::back_inserter(out);
  while (!json.empty()) {
    const char front = json.front();
    Character character;
    if (is_plain_ascii(front) || front == '\n') {
      out += front;
    } else if (character = first_character(json);
               !character.is_valid || is_printable(character.code)) {
      out += json.substr(0, character.bytes);
    } else if (character.code < kFirstBeyondPlane0) {
      fmt::format_to(to, "\\u{:04x}", static_cast<std::uint32_t>(character.code));
    } else {
      const auto above = static_cast<std::uint32_t>(character.code - kFirstBeyondPlane0);
      fmt::format_to(to, "\\u{:04x}\\u{:04x}", 0xd800 + (above >> 10), 0xdc00 + (above & 0x3ff));
    }
    json.remove_prefix(character.bytes);
  }
  return out;
}

}  // namespace lb
