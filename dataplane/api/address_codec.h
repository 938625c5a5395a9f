// Addresses in messages: bytes in network order. to_bytes() of config/base makes them.
#pragma once

#include <cstring>
#include <string>

#include "config/base/net.h"
#include "config/base/result.h"

namespace lb {

inline Result<Ipv4Address> to_address(const std::string& bytes) {
  Ipv4Address address;
  if (bytes.size() != sizeof address.be.raw) {
    return fail("an IPv4 address has 4 bytes, not " + std::to_string(bytes.size()));
  }
  std::memcpy(&address.be.raw, bytes.data(), bytes.size());
  return address;
}

}  // namespace lb
