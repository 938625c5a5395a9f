#include "controlplane/cli/format.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "config/base/address.h"

namespace lb::cli {

std::string address_text(std::string_view bytes) {
  const auto address = address_from_bytes(bytes);
  return address ? address->to_string() : "?";
}

std::string endpoint_text(std::string_view bytes, std::uint32_t port) {
  if (port == 0) return address_text(bytes);
  return bytes.size() == 16 ? fmt::format("[{}]:{}", address_text(bytes), port)
                            : fmt::format("{}:{}", address_text(bytes), port);
}

std::string range_text(const api::AddressRange& range) {
  const auto first = endpoint_from_bytes(range.address(), range.first_port());
  const auto last = endpoint_from_bytes(range.address(), range.last_port());
  return first && last ? EndpointRange(first->address, first->port, last->port).to_string() : "?";
}

const api::AddressRange& first_address(const api::ServiceStats& service) {
  return service.addresses().empty() ? api::AddressRange::default_instance() : service.addresses(0);
}

std::string service_addresses_text(const api::ServiceStats& service) {
  std::string text;
  for (const api::AddressRange& range : service.addresses()) {
    text += (text.empty() ? "" : ",") + range_text(range);
  }
  return text;
}

std::string service_address_text(const api::ServiceStats& service) {
  const int more = service.addresses_size() - 1;
  return range_text(first_address(service)) + (more <= 0 ? "" : fmt::format(" (+{})", more));
}

std::string mac_text(std::string_view bytes) {
  if (bytes.size() != 6) return "?";
  std::string out;
  for (const char c : bytes) {
    out += fmt::format("{}{:02x}", out.empty() ? "" : ":", static_cast<unsigned char>(c));
  }
  return out;
}

std::string protocol_heading(api::Protocol protocol) {
  std::string out(name_in(protocol));
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::string_view forward_text(api::Mode mode) {
  return mode == api::NAT ? "Masq" : mode == api::DR ? "Route" : "?";
}

std::string_view state_text(const api::RealServerStats& server) {
  if (server.removed()) return "removed";
  if (!server.up()) return "down";
  if (!server.next_hop_resolved()) return "unresolved";
  return server.full() ? "full" : "up";
}

std::string age_text(std::uint64_t milliseconds) {
  const std::uint64_t seconds = milliseconds / 1000;
  if (seconds == 0) return fmt::format("{}ms", milliseconds);
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d{:02}h", seconds / 86'400, seconds / 3600 % 24);
}

std::string time_text(std::uint64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03}", fmt::localtime(seconds), unix_ms % 1000);
}

std::string Columns::text() const {
  std::vector<std::size_t> widths(align_.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < std::min(row.size(), widths.size()); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < std::min(row.size(), widths.size()); ++i) {
      if (i > 0) line += "  ";
      line += align_[i] == Align::kRight ? fmt::format("{:>{}}", row[i], widths[i])
                                         : fmt::format("{:<{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

}  // namespace lb::cli
