// A question to a name server and its answer (RFC 1035), as dns checks use them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/base/address.h"
#include "config/check.h"

namespace lb::health {

std::string make_dns_query(std::uint16_t id, std::string_view name, config::DnsType type);

struct DnsAnswer {
  std::uint8_t rcode = 0;
  bool has_address = false;  // the one that was looked for is among the answers
  bool complete = true;      // all records could be read
};

// nullopt: not the answer to the query with this id.
std::optional<DnsAnswer> parse_dns_answer(std::string_view message, std::uint16_t id,
                                          const std::optional<Address>& wanted);

// "NOERROR", "SERVFAIL", "RCODE11"
std::string rcode_text(std::uint8_t rcode);

}  // namespace lb::health
