// Texts of the values that the APIs carry, and columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/enum_codec.h"

namespace lb::cli {

// Of 4 or 16 bytes in network order; "?" of anything else.
std::string address_text(std::string_view bytes);
// Port 0 is left out.
std::string endpoint_text(std::string_view bytes, std::uint32_t port);
// "192.0.2.10:80", "192.0.2.10:8000-8100", "192.0.2.10:*".
std::string range_text(const api::AddressRange& range);
// The one that a service is known by.
const api::AddressRange& first_address(const api::ServiceStats& service);
// All that a service is offered under, with commas; or the first, and how many more: "(+2)".
std::string service_addresses_text(const api::ServiceStats& service);
std::string service_address_text(const api::ServiceStats& service);
std::string mac_text(std::string_view bytes);

std::string protocol_heading(api::Protocol protocol);  // "TCP"
std::string_view forward_text(api::Mode mode);         // "Masq", as ipvsadm

// "removed", "down", "unresolved" (up, but its MAC address is not known yet) or "up".
std::string_view state_text(const api::RealServerStats& server);

// "800ms", "12s", "3m05s", "2h07m", "4d03h".
std::string age_text(std::uint64_t milliseconds);

// "2026-11-21 12:00:00.123", local.
std::string time_text(std::uint64_t unix_ms);

// Rows of cells below each other, two blanks between columns.
class Columns {
 public:
  enum class Align : std::uint8_t { kLeft, kRight };
  explicit Columns(std::vector<Align> align) : align_(std::move(align)) {}

  // Cells that are missing at the end of a row are empty.
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string text() const;

 private:
  std::vector<Align> align_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace lb::cli
