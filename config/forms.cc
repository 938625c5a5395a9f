#include "config/forms.h"

#include <fmt/format.h>

#include "config/pattern.h"

namespace lb::config {
namespace {

template <typename T>
Result<T> parse(const std::string& text) {
  return T::parse(text);
}

template <typename T>
std::string print(const T& value) {
  return value.to_string();
}

Result<Endpoint> parse_port_optional(const std::string& text) {
  return Endpoint::parse_port_optional(text);
}

Result<std::string> parse_any(const std::string& text) {
  return text;
}

Result<std::string> parse_absolute_path(const std::string& path) {
  if (path.empty() || path.front() == '/') return path;
  return fail(fmt::format("\"{}\" is not an absolute path; it begins with /", path));
}

Result<std::string> parse_bytes(const std::string& text) {
  return unescape(text);
}

Result<std::string> parse_pattern(const std::string& text) {
  if (auto result = check_pattern(text); !result) {
    return fail(
        fmt::format("\"{}\" is not a regular expression of RE2: {}", text, result.error().message));
  }
  return text;
}

std::string as_it_is(const std::string& text) {
  return text;
}

// So that unescape() gives the bytes back, whatever they are.
std::string escape(const std::string& bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto value = static_cast<unsigned char>(c);
    if (c == '\\') {
      out += "\\\\";
    } else if (value >= 0x20 && value < 0x7f) {
      out += c;
    } else {
      out += {'\\', 'x', kDigits[value >> 4], kDigits[value & 15]};
    }
  }
  return out;
}

}  // namespace

constinit const Form<Address> kAddressForm = {"address", parse<Address>, print<Address>};
constinit const Form<Endpoint> kEndpointForm = {"address and port", parse<Endpoint>,
                                                print<Endpoint>};
constinit const Form<Endpoint> kPortOptionalForm = {"address, and port if need be",
                                                    parse_port_optional, print<Endpoint>};
constinit const Form<MacAddress> kMacForm = {"MAC address", parse<MacAddress>, print<MacAddress>};
constinit const Form<std::string> kAnyTextForm = {"text", parse_any, as_it_is};
constinit const Form<std::string> kAbsolutePathForm = {"absolute path", parse_absolute_path,
                                                       as_it_is};
constinit const Form<std::string> kBytesForm = {"text with escapes", parse_bytes, escape};
constinit const Form<std::string> kPatternForm = {"regular expression (RE2)", parse_pattern,
                                                  as_it_is};

constinit const ListForm<Prefix> kPrefixesForm = {"addresses", "[\"192.0.2.2/24\"]", parse<Prefix>,
                                                  print<Prefix>};
constinit const ListForm<Address> kAddressesForm = {"addresses", "[\"192.0.2.3\"]", parse<Address>,
                                                    print<Address>};

}  // namespace lb::config
