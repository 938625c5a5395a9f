#include "config/base/net.h"

#include <charconv>
#include <cstdio>

#include "config/base/net_internal.h"

namespace lb {
namespace {

// What is wrong with one of the four numbers; empty: nothing.
std::string parse_octet(std::string_view text, std::uint32_t& value) {
  if (text.empty()) return "a number is missing between the dots";
  if (text.size() > 1 && text[0] == '0') {
    return "write " + quoted(text) + " without the leading zero";
  }
  const auto number = parse_decimal(text);
  if (!number) return quoted(text) + " is not a number from 0 to 255";
  if (*number > 255) return std::string(text) + " is larger than 255";
  value = *number;
  return {};
}

tl::unexpected<Error> bad_address(std::string_view text, const std::string& why) {
  return fail(quoted(text) + " is not an IPv4 address: " + why);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string quoted(std::string_view text) {
  return '"' + std::string(text) + '"';
}

std::optional<std::uint32_t> parse_decimal(std::string_view text) {
  if (text.empty() || text.size() > 9 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

Result<std::uint16_t> parse_port(std::string_view text, std::string_view digits) {
  const auto port = parse_decimal(digits);
  if (!port || *port == 0 || *port > 65'535) {
    return fail(quoted(text) + " has a bad port: " + quoted(digits) +
                " is not a number from 1 to 65535");
  }
  return static_cast<std::uint16_t>(*port);
}

Result<PortRange> parse_ports(std::string_view text, std::string_view address,
                              std::string_view ports) {
  if (ports == "*") return PortRange{1, 65'535};
  const std::size_t dash = ports.find('-');
  const auto first = parse_port(text, ports.substr(0, dash));
  if (!first) return tl::make_unexpected(first.error());
  if (dash == std::string_view::npos) return PortRange{*first, *first};
  const auto last = parse_port(text, ports.substr(dash + 1));
  if (!last) return tl::make_unexpected(last.error());
  if (*first <= *last) return PortRange{*first, *last};
  return fail(quoted(text) + " has a range that runs backwards; write the lower port first: \"" +
              std::string(address) + ':' + PortRange{*last, *first}.to_string() + '"');
}

std::string PortRange::to_string() const {
  if (first == 1 && last == 65'535) return "*";
  const std::string text = std::to_string(first);
  return first == last ? text : text + '-' + std::to_string(last);
}

Result<Ipv4Address> Ipv4Address::parse(std::string_view text) {
  std::uint32_t value = 0;
  std::string_view rest = text;
  if (text.find(':') != std::string_view::npos) {
    return bad_address(text, "there must be four numbers with dots between them, as \"192.0.2.1\"");
  }
  for (int i = 0; i < 4; ++i) {
    const std::size_t dot = rest.find('.');
    const bool last = i == 3;
    if (last != (dot == std::string_view::npos)) {
      return bad_address(text,
                         "there must be four numbers with dots between them, as \"192.0.2.1\"");
    }
    std::uint32_t octet = 0;
    const std::string why = parse_octet(rest.substr(0, dot), octet);
    if (!why.empty()) return bad_address(text, why);
    value = value << 8 | octet;
    if (!last) rest.remove_prefix(dot + 1);
  }
  return from_host(value);
}

std::string Ipv4Address::to_string() const {
  const std::uint32_t v = host();
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) {
    out += std::to_string(v >> shift & 0xff);
    if (shift != 0) out += '.';
  }
  return out;
}

std::string to_bytes(Ipv4Address address) {
  return {reinterpret_cast<const char*>(&address.be.raw), sizeof address.be.raw};
}

Result<Ipv4Prefix> Ipv4Prefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  auto address = Ipv4Address::parse(text.substr(0, slash));
  if (!address) return tl::make_unexpected(address.error());
  if (slash == std::string_view::npos) {
    return fail(quoted(text) + " has no prefix length; write it as \"" + std::string(text) +
                "/24\", with the subnet's own length");
  }
  const std::string_view digits = text.substr(slash + 1);
  const auto length = parse_decimal(digits);
  if (!length || *length > 32) {
    return fail(quoted(text) + " has a bad prefix length: " + quoted(digits) +
                " is not a number from 0 to 32");
  }
  return Ipv4Prefix{*address, static_cast<std::uint8_t>(*length)};
}

std::string Ipv4Prefix::to_string() const {
  return address.to_string() + '/' + std::to_string(length);
}

Result<Ipv4Endpoint> Ipv4Endpoint::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (text.find(':', colon == std::string_view::npos ? 0 : colon + 1) != std::string_view::npos) {
    return fail(quoted(text) + " is not an IPv4 address and port, as \"192.0.2.1:80\"");
  }
  auto address = Ipv4Address::parse(text.substr(0, colon));
  if (!address) return tl::make_unexpected(address.error());
  if (colon == std::string_view::npos) {
    return fail(quoted(text) + " has no port; write it as \"" + std::string(text) +
                ":80\", with its own port");
  }
  const auto port = parse_port(text, text.substr(colon + 1));
  if (!port) return tl::make_unexpected(port.error());
  return Ipv4Endpoint{*address, *port};
}

Result<Ipv4Endpoint> Ipv4Endpoint::parse_port_optional(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return parse(text);
  const auto address = Ipv4Address::parse(text);
  if (!address) return tl::make_unexpected(address.error());
  return Ipv4Endpoint{*address, 0};
}

std::string Ipv4Endpoint::to_string() const {
  return port == 0 ? address.to_string() : address.to_string() + ':' + std::to_string(port);
}

Result<Ipv4EndpointRange> Ipv4EndpointRange::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view ports =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (ports != "*" && ports.find('-') == std::string_view::npos) {
    const auto single = Ipv4Endpoint::parse(text);
    if (!single) return tl::make_unexpected(single.error());
    return Ipv4EndpointRange{single->address, single->port, single->port};
  }
  const auto address = Ipv4Address::parse(text.substr(0, colon));
  if (!address) return tl::make_unexpected(address.error());
  const auto range = parse_ports(text, text.substr(0, colon), ports);
  if (!range) return tl::make_unexpected(range.error());
  return Ipv4EndpointRange{*address, range->first, range->last};
}

std::string Ipv4EndpointRange::to_string() const {
  return address.to_string() + ':' + PortRange{first, last}.to_string();
}

Result<MacAddress> MacAddress::parse(std::string_view text) {
  const auto bad = [text] {
    return fail(quoted(text) +
                " is not a MAC address: six pairs of hexadecimal digits with colons between them, "
                "as \"02:00:5e:10:00:01\"");
  };
  if (text.size() != 17) return bad();
  MacAddress mac;
  for (std::size_t i = 0; i < mac.bytes.size(); ++i) {
    const int high = hex_digit(text[3 * i]);
    const int low = hex_digit(text[3 * i + 1]);
    if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':')) return bad();
    mac.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return mac;
}

std::string MacAddress::to_string() const {
  char text[18];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2],
                bytes[3], bytes[4], bytes[5]);
  return text;
}

}  // namespace lb
