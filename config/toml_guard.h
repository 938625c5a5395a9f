// A first look at TOML text, before the library sees it: what would make the library recurse
// without bound or speak of things in terms that do not help an operator.
#pragma once

#include <optional>

#include "config/load.h"
#include "config/source.h"

namespace lb::config {

inline constexpr std::size_t kMaxNesting = 32;  // of arrays, inline tables, dotted keys

// The first of: not UTF-8, control characters, what is not ASCII outside of strings and comments, a
// text without its closing quote, nesting too deep.
std::optional<Mistake> guard_toml(const Source& source);

// Where the innermost bracket or brace stands that is open at `offset`, if there is one; the text
// up to there is TOML.
std::optional<std::size_t> open_bracket(const Source& source, std::size_t offset);

}  // namespace lb::config
