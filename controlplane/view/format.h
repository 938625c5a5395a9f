// Texts of the values that the APIs carry.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/api/dataplane.pb.h"

namespace lb::view {

// Of 4 or 16 bytes in network order; "?" of anything else.
std::string address_text(std::string_view bytes);
// Port 0 is left out.
std::string endpoint_text(std::string_view bytes, std::uint32_t port);
// Of what address_text() made.
std::string join_endpoint(const std::string& address, std::uint32_t port);
// "192.0.2.10:80", "192.0.2.10:8000-8100", "192.0.2.10:*".
std::string range_text(const api::AddressRange& range);
// The one that a service is known by.
const api::AddressRange& first_address(const api::ServiceStats& service);
// All, as a configuration writes them.
std::vector<std::string> addresses_of(const api::ServiceStats& service);
// All that a service is offered under, with commas; or the first, and how many more: "(+2)".
std::string service_addresses_text(const std::vector<std::string>& addresses);
std::string service_address_text(const std::vector<std::string>& addresses);
std::string mac_text(std::string_view bytes);

std::string protocol_heading(std::string_view protocol);  // "TCP" of "tcp"
// In the place of a mode: of a server on the director itself.
inline constexpr std::string_view kLocalMode = "local";
std::string_view forward_text(std::string_view mode);  // "Masq" of "nat", as ipvsadm

// "800ms", "12s", "3m05s", "2h07m", "4d03h".
std::string age_text(std::uint64_t milliseconds);
// Minutes and seconds, "02:05".
std::string expiry_text(std::uint64_t milliseconds);

// "2026-11-21 12:00:00.123", local.
std::string time_text(std::uint64_t unix_ms);

std::string whole(double value);     // "2"
std::string tenths(double value);    // "2.0"
std::string megabits(double value);  // "2.00" of 2e6

// "a, b" of its elements; `between` stands between them.
std::string joined(const std::vector<std::string>& texts, std::string_view between);

}  // namespace lb::view
