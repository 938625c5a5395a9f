#include "config/toml_value.h"

#include <charconv>
#include <exception>
#include <string>
#include <toml.hpp>

#include "config/toml_guard.h"

namespace lb::config {
namespace {

namespace library = toml::detail;

// The library finds where an integer ends, but must not convert it: it would clamp what is out of
// range, and overflow with many binary digits.
ValueError read_integer(std::string_view text, std::int64_t& integer) {
  std::string digits(text);
  std::erase(digits, '_');
  int base = 10;
  if (digits.size() > 2 && digits[0] == '0') {
    base = digits[1] == 'x' ? 16 : digits[1] == 'o' ? 8 : 2;
    digits.erase(0, 2);
  } else if (digits[0] == '+') {
    digits.erase(0, 1);
  }
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), integer, base);
  return read.ec == std::errc{} ? ValueError::kNone : ValueError::kOutOfRange;
}

void take(const toml::value& value, Node& node) {
  if (value.is_string()) {
    node.kind = Node::Kind::kString;
    node.text = value.as_string().str;
  } else if (value.is_boolean()) {
    node.kind = Node::Kind::kBoolean;
    node.boolean = value.as_boolean();
  } else {
    node.kind = Node::Kind::kOther;
    node.text = value.is_floating() ? "a number with a fraction" : "a date or time";
  }
}

}  // namespace

std::string_view value_text(std::string_view text) {
  if (text.starts_with('"') || text.starts_with('\'')) return text.substr(0, quoted_length(text));
  text = text.substr(0, text.find_first_of(",]}#\n"));
  return text.substr(0, text.find_last_not_of(" \t\r") + 1);
}

ValueError read_toml_value(std::string_view text, Node& node, std::size_t& length) {
  // No name: the library copies it for every character that it matches.
  library::location at("", std::string(text));
  const auto is_read = [&] {
    length = static_cast<std::size_t>(at.iter() - at.begin());
    return length > 0 && (length == text.size() || text[length] == ' ' || text[length] == '\t');
  };
  try {
    if (library::lex_integer::invoke(at) && is_read()) {
      node.kind = Node::Kind::kInteger;
      return read_integer(text.substr(0, length), node.integer);
    }
    if (text.starts_with("0b")) return ValueError::kNoValue;
    at.reset(at.begin());
    const auto value = library::parse_value<toml::value>(at);
    if (!value || !is_read()) return ValueError::kNoValue;
    take(value.unwrap(), node);
    return ValueError::kNone;
  } catch (const std::exception&) {
    return ValueError::kNoValue;
  }
}

}  // namespace lb::config
