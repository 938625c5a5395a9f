#include "config/base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "config/base/net_internal.h"

namespace lb {
namespace {

constexpr std::size_t kGroups = 8;

// The first four bytes.
std::uint32_t host_order(std::span<const std::uint8_t> b) {
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

tl::unexpected<Error> bad_ipv6(std::string_view text, const std::string& why) {
  return fail(quoted(text) + " is not an IPv6 address: " + why);
}

Result<Address> parse_ipv6(std::string_view text) {
  if (const std::size_t zone = text.find('%'); zone != std::string_view::npos) {
    return bad_ipv6(text, "remove the interface after it: " + quoted(text.substr(0, zone)));
  }
  std::array<std::uint8_t, 16> bytes{};
  const std::string terminated(text);
  if (text.find('\0') != std::string_view::npos ||
      ::inet_pton(AF_INET6, terminated.c_str(), bytes.data()) != 1) {
    return bad_ipv6(text,
                    "it has eight groups of up to four hexadecimal digits with colons between "
                    "them, of which \"::\" may stand once for zeros, as \"2001:db8::1\"");
  }
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    const auto meant = Ipv4Address::from_host(host_order(std::span(bytes).last(4)));
    return bad_ipv6(text, "it stands for an IPv4 address; write " + quoted(meant.to_string()));
  }
  return Address::from_ipv6(bytes);
}

// RFC 5952 section 4: small letters, no leading zeros, "::" for the longest run of two zero groups
// or more, of equally long ones the first.
std::string ipv6_text(std::span<const std::uint8_t> bytes) {
  std::array<unsigned, kGroups> groups{};
  for (std::size_t i = 0; i < kGroups; ++i) groups[i] = bytes[2 * i] * 256u + bytes[2 * i + 1];
  std::size_t longest = 0;
  std::size_t length = 1;
  for (std::size_t i = 0; i < kGroups; ++i) {
    std::size_t end = i;
    while (end < kGroups && groups[end] == 0) ++end;
    if (end - i > length) {
      longest = i;
      length = end - i;
    }
  }
  std::string out;
  for (std::size_t i = 0; i < kGroups;) {
    if (length > 1 && i == longest) {
      out += "::";
      i += length;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    std::array<char, 4> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), groups[i], 16).ptr;
    out.append(digits.data(), end);
    ++i;
  }
  return out;
}

// Whether the text is to be read as one of IPv6, brackets or not: it has a colon more than
// "192.0.2.1:80", and no dot before it.
bool is_of_ipv6(std::string_view text) {
  const std::size_t colon = text.find(':');
  return text.starts_with('[') ||
         (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos &&
          text.find('.') > colon);
}

// "[2001:db8::1]:80" in two.
struct Parts {
  Address address;
  std::string_view ports;  // behind the colon; empty when there is none
};

Result<Parts> split_ipv6(std::string_view text) {
  const std::size_t close = text.find(']');
  if (!text.starts_with('[')) {
    return fail(quoted(text) +
                " has an ambiguous port; put brackets around the address, as \"[2001:db8::1]:80\"");
  }
  const std::string_view behind =
      close == std::string_view::npos ? std::string_view("?") : text.substr(close + 1);
  if (!behind.empty() && (behind[0] != ':' || behind.size() == 1)) {
    return fail(quoted(text) +
                " is not an IPv6 address in brackets and a port, as \"[2001:db8::1]:80\"");
  }
  const std::string_view inside = text.substr(1, close - 1);
  if (inside.find(':') == std::string_view::npos) {
    return fail(quoted(text) + " has brackets, which are for IPv6 addresses; remove them");
  }
  const auto address = parse_ipv6(inside);
  if (!address) return tl::make_unexpected(address.error());
  return Parts{*address, behind.empty() ? behind : behind.substr(1)};
}

tl::unexpected<Error> no_port(std::string_view text) {
  return fail(quoted(text) + " has no port; write it as \"" + std::string(text) +
              ":80\", with its own port");
}

std::string in_brackets(const Address& address) {
  return address.is_ipv6() ? '[' + address.to_string() + ']' : address.to_string();
}

template <typename To, typename From>
Result<To> widened(const Result<From>& ipv4) {
  if (!ipv4) return tl::make_unexpected(ipv4.error());
  return To(*ipv4);
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return parse_ipv6(text);
  return widened<Address>(Ipv4Address::parse(text));
}

std::string Address::to_string() const {
  const auto ipv4 = to_ipv4();
  return ipv4 ? ipv4->to_string() : ipv6_text(bytes_);
}

std::string to_bytes(const Address& address) {
  const auto bytes = address.bytes();
  return {bytes.begin(), bytes.end()};
}

std::optional<Address> address_from_bytes(std::string_view bytes) {
  std::array<std::uint8_t, 16> raw{};
  if (bytes.size() != 4 && bytes.size() != raw.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), raw.begin());
  if (bytes.size() == raw.size()) return Address::from_ipv6(raw);
  return Ipv4Address::from_host(host_order(raw));
}

std::optional<Endpoint> endpoint_from_bytes(std::string_view bytes, std::uint32_t port) {
  const auto address = address_from_bytes(bytes);
  if (!address || port > 65'535) return std::nullopt;
  return Endpoint(*address, static_cast<std::uint16_t>(port));
}

Result<Prefix> Prefix::parse(std::string_view text) {
  if (text.find(':') == std::string_view::npos) return widened<Prefix>(Ipv4Prefix::parse(text));
  const std::size_t slash = text.find('/');
  const auto address = parse_ipv6(text.substr(0, slash));
  if (!address) return tl::make_unexpected(address.error());
  if (slash == std::string_view::npos) {
    return fail(quoted(text) + " has no prefix length; write it as \"" + std::string(text) +
                "/64\", with the subnet's own length");
  }
  const std::string_view digits = text.substr(slash + 1);
  const auto length = parse_decimal(digits);
  if (!length || *length > address->bits()) {
    return fail(quoted(text) + " has a bad prefix length: " + quoted(digits) +
                " is not a number from 0 to 128");
  }
  return Prefix(*address, static_cast<std::uint8_t>(*length));
}

std::string Prefix::to_string() const {
  return address.to_string() + '/' + std::to_string(length);
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  if (!is_of_ipv6(text)) return widened<Endpoint>(Ipv4Endpoint::parse(text));
  const auto parts = split_ipv6(text);
  if (!parts) return tl::make_unexpected(parts.error());
  if (parts->ports.empty()) return no_port(text);
  const auto port = parse_port(text, parts->ports);
  if (!port) return tl::make_unexpected(port.error());
  return Endpoint(parts->address, *port);
}

Result<Endpoint> Endpoint::parse_port_optional(std::string_view text) {
  if (!is_of_ipv6(text)) return widened<Endpoint>(Ipv4Endpoint::parse_port_optional(text));
  if (!text.ends_with(']')) return parse(text);
  const auto parts = split_ipv6(text);
  if (!parts) return tl::make_unexpected(parts.error());
  return Endpoint(parts->address, 0);
}

std::string Endpoint::to_string() const {
  const std::string text = in_brackets(address);
  return port == 0 ? text : text + ':' + std::to_string(port);
}

Result<EndpointRange> EndpointRange::parse(std::string_view text) {
  if (!is_of_ipv6(text)) return widened<EndpointRange>(Ipv4EndpointRange::parse(text));
  const auto parts = split_ipv6(text);
  if (!parts) return tl::make_unexpected(parts.error());
  if (parts->ports.empty()) return no_port(text);
  const auto ports = parse_ports(text, in_brackets(parts->address), parts->ports);
  if (!ports) return tl::make_unexpected(ports.error());
  return EndpointRange(parts->address, ports->first, ports->last);
}

std::string EndpointRange::to_string() const {
  return in_brackets(address) + ':' + PortRange{first, last}.to_string();
}

}  // namespace lb

std::size_t std::hash<lb::Address>::operator()(const lb::Address& address) const noexcept {
  // Both halves count in full, since hosts of a subnet differ in the last bits only.
  std::array<std::uint64_t, 2> halves{};
  std::memcpy(halves.data(), address.bytes().data(), address.bytes().size());
  const std::uint64_t mixed = (halves[0] * 0x9e3779b97f4a7c15 + halves[1]) * 0xff51afd7ed558ccd;
  return static_cast<std::size_t>(mixed ^ mixed >> 32);
}
