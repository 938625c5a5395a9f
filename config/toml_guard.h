// A first look at TOML text, before the library sees it: what would make the library recurse
// without bound or speak of things in terms that do not help an operator.
#pragma once

#include <optional>

#include "config/toml_tree.h"

namespace lb::config {

inline constexpr std::size_t kMaxNesting = 32;         // of arrays, inline tables, dotted keys
inline constexpr std::size_t kMaxLineBytes = 1 << 16;  // the library's work grows with its square

// The first of: not UTF-8, control characters, typographic quotes outside of strings, a text
// without its closing quote, nesting too deep, a line too long.
std::optional<Mistake> guard_toml(const Source& source);

}  // namespace lb::config
