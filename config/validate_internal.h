// Helpers that the parts of validation share.
#pragma once

#include <string>
#include <string_view>

#include "config/base/address.h"
#include "config/network.h"
#include "config/validate.h"

namespace lb::config {

inline constexpr std::size_t kMaxNameBytes = 64;  // of a director, service, group, instance

// Why no host can have this address; empty: one can.
std::string_view unusable(const Address& address);
bool is_loopback(const Address& address);
// Whether one host can have it: neither a group's nor zero.
bool is_host_mac(const MacAddress& mac);
// "the network address" of `subnet` or the like; empty: it can be a host's.
std::string_view reserved_in(const Prefix& subnet, const Address& address);
// An address in a configured subnet that differs from `address` by two swapped octets, as a
// question; empty: none, or one of IPv6.
std::string swapped_octets(const Network& network, const Address& address);
// Letters, digits and `others` only.
bool made_of(std::string_view text, std::string_view others);
// Printable ASCII without blanks.
bool printable(std::string_view text);

// An absolute path without blanks, with room for the names of the sockets in it.
bool good_run_dir(std::string_view path);
// Empty, or what a user can be called.
bool user_name(std::string_view text);

// A service's check; `path` is the table's.
void validate_check(const Service& service, const Check& check, const Network& network,
                    const std::string& path, std::vector<Problem>& problems);

}  // namespace lb::config
