#include "controlplane/view/format.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "config/base/address.h"
#include "config/base/service_enums.h"

namespace lb::view {

std::string address_text(std::string_view bytes) {
  const auto address = address_from_bytes(bytes);
  return address ? address->to_string() : "?";
}

std::string endpoint_text(std::string_view bytes, std::uint32_t port) {
  return join_endpoint(address_text(bytes), port);
}

std::string join_endpoint(const std::string& address, std::uint32_t port) {
  if (port == 0) return address;
  return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                : fmt::format("[{}]:{}", address, port);
}

std::string range_text(const api::AddressRange& range) {
  const auto first = endpoint_from_bytes(range.address(), range.first_port());
  const auto last = endpoint_from_bytes(range.address(), range.last_port());
  return first && last ? EndpointRange(first->address, first->port, last->port).to_string() : "?";
}

const api::AddressRange& first_address(const api::ServiceStats& service) {
  return service.addresses().empty() ? api::AddressRange::default_instance() : service.addresses(0);
}

std::vector<std::string> addresses_of(const api::ServiceStats& service) {
  std::vector<std::string> out;
  for (const api::AddressRange& range : service.addresses()) out.push_back(range_text(range));
  return out;
}

std::string service_addresses_text(const std::vector<std::string>& addresses) {
  return joined(addresses, ",");
}

std::string service_address_text(const std::vector<std::string>& addresses) {
  if (addresses.empty()) return "?";
  const std::size_t more = addresses.size() - 1;
  return addresses.front() + (more == 0 ? "" : fmt::format(" (+{})", more));
}

std::string mac_text(std::string_view bytes) {
  MacAddress mac;
  if (bytes.size() != mac.bytes.size()) return "?";
  std::copy(bytes.begin(), bytes.end(), mac.bytes.begin());
  return mac.to_string();
}

std::string protocol_heading(std::string_view protocol) {
  std::string out(protocol);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::string_view forward_text(std::string_view mode) {
  if (mode == name_of(Mode::kNat)) return "Masq";
  if (mode == name_of(Mode::kDr)) return "Route";
  return mode == kLocalMode ? "Local" : "?";
}

std::string age_text(std::uint64_t milliseconds) {
  const std::uint64_t seconds = milliseconds / 1000;
  if (seconds == 0) return fmt::format("{}ms", milliseconds);
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d{:02}h", seconds / 86'400, seconds / 3600 % 24);
}

std::string expiry_text(std::uint64_t milliseconds) {
  const std::uint64_t seconds = milliseconds / 1000;
  return fmt::format("{:02}:{:02}", seconds / 60, seconds % 60);
}

std::string time_text(std::uint64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03}", fmt::localtime(seconds), unix_ms % 1000);
}

std::string whole(double value) {
  return fmt::format("{:.0f}", value);
}

std::string tenths(double value) {
  return fmt::format("{:.1f}", value);
}

std::string megabits(double value) {
  return fmt::format("{:.2f}", value / 1e6);
}

std::string joined(const std::vector<std::string>& texts, std::string_view between) {
  std::string out;
  for (const std::string& text : texts) {
    if (!out.empty()) out += between;
    out += text;
  }
  return out;
}

}  // namespace lb::view
