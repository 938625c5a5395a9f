// Which key of a check has a meaning for which types: what the parser takes and the printer writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "config/check.h"

namespace lb::config {

using CheckTypes = std::uint32_t;  // a set of CheckType

struct CheckKey {
  std::string_view name;
  CheckTypes types;
};

std::span<const CheckKey> check_keys();
bool has_key(CheckType type, std::string_view key);
// Whether a check of this type speaks TLS whatever `tls` says.
bool always_tls(CheckType type);
bool speaks_tls(const Check& check);
// Whether it connects to a TCP port of its own (script checks and the like do not).
bool connects_by_tcp(CheckType type);

}  // namespace lb::config
