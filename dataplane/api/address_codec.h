// Addresses in messages: bytes in network order. to_bytes() of config/base makes them.
#pragma once

#include <string>

#include "config/base/address.h"
#include "config/base/result.h"

namespace lb {

inline Result<Address> to_address(const std::string& bytes) {
  if (const auto address = address_from_bytes(bytes)) return *address;
  return fail("an address has 4 or 16 bytes, not " + std::to_string(bytes.size()));
}

// Of what the packet path has, which is IPv4 alone.
inline Result<Ipv4Address> to_ipv4_address(const std::string& bytes) {
  const auto address = to_address(bytes);
  if (!address) return tl::make_unexpected(address.error());
  if (const auto ipv4 = address->to_ipv4()) return *ipv4;
  return fail("the packet path forwards IPv4 only, not " + address->to_string());
}

}  // namespace lb
