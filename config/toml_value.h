// Strings, numbers, booleans and dates: the values of TOML that hold no others. The only part that
// knows the TOML library (toml11 3.x); no exception leaves it. Tables and lists are read by
// toml_tree.cc, because the library would
// - give no places of keys, and of most mistakes only the line;
// - refuse [a] after [[a.b]], take [a.b] into a value that is closed, and read past an empty list;
// - search a whole line for every value in it, and copy tables and messages: five times the work.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/toml_tree.h"

namespace lb::config {

// The value at the front of `text`: up to its closing quote, or up to what separates values. All
// quotes are closed, as guard_toml() has checked.
std::string_view value_text(std::string_view text);

enum class ValueError : std::uint8_t { kNone, kNoValue, kOutOfRange };

// Reads `text`, a result of value_text(), into `node`. On kNone the value is the first `length`
// bytes; what follows them begins with a blank.
ValueError read_toml_value(std::string_view text, Node& node, std::size_t& length);

}  // namespace lb::config
