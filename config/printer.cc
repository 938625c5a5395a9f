#include "config/printer.h"

#include <fmt/format.h>

#include "config/duration.h"

namespace lb::config {
namespace {

// As a TOML basic string.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

void Printer::table(std::string_view header) {
  out_ += fmt::format("{}{}\n", out_.empty() ? "" : "\n", header);
}

void Printer::text(std::string_view key, std::string_view value) {
  raw(key, quoted(value));
}

void Printer::number(std::string_view key, std::int64_t value) {
  raw(key, std::to_string(value));
}

void Printer::boolean(std::string_view key, bool value) {
  raw(key, value ? "true" : "false");
}

void Printer::duration(std::string_view key, Milliseconds value) {
  text(key, to_text(value));
}

void Printer::texts(std::string_view key, const std::vector<std::string>& values) {
  list(key, values, [](const std::string& value) { return value; });
}

void Printer::prefixes(std::string_view key, const std::vector<Ipv4Prefix>& values) {
  list(key, values, [](const Ipv4Prefix& value) { return value.to_string(); });
}

void Printer::addresses(std::string_view key, const std::vector<Ipv4Address>& values) {
  list(key, values, [](const Ipv4Address& value) { return value.to_string(); });
}

void Printer::endpoint_ranges(std::string_view key, const std::vector<Ipv4EndpointRange>& values) {
  list(key, values, [](const Ipv4EndpointRange& value) { return value.to_string(); });
}

template <typename T, typename Text>
void Printer::list(std::string_view key, const std::vector<T>& values, Text text) {
  std::string list;
  for (const T& value : values) list += (list.empty() ? "" : ", ") + quoted(text(value));
  raw(key, '[' + list + ']');
}

void Printer::raw(std::string_view key, std::string_view value) {
  out_ += fmt::format("{} = {}\n", key, value);
}

}  // namespace lb::config
