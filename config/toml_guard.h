// A first look at TOML text, before it is read: what would make the reader recurse without bound,
// and mistakes whose cause it would no longer see.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "config/load.h"
#include "config/source.h"

namespace lb::config {

inline constexpr std::size_t kMaxNesting = 32;  // of arrays, inline tables, dotted keys

// The first of: not UTF-8, control characters, what is not ASCII outside of strings and comments, a
// text without its closing quote, nesting too deep.
std::optional<Mistake> guard_toml(const Source& source);

// Bytes of the quoted string that `text` begins with, including its quotes; 0 when it is not
// closed.
std::size_t quoted_length(std::string_view text);

}  // namespace lb::config
