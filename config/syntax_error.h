// What a line that is no TOML has probably been meant to be, in an operator's terms.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/load.h"
#include "config/source.h"

namespace lb::config {

// Why reading stopped.
enum class Stop : std::uint8_t {
  kHeader,     // no [name]
  kKey,        // no key
  kEquals,     // no "=" after a key
  kValue,      // no value
  kEscape,     // a string with an unknown escape
  kRange,      // a number of more than 64 bits
  kTrailing,   // something on the line after its value
  kSeparator,  // no comma between values
  kComma,      // a comma too many
  kEnd,        // the end of the file within a list
};

struct Stopped {
  Stop why;
  std::size_t at;  // the first byte that is no TOML, or the first byte of the value that is none
  std::span<const std::size_t> open;  // offsets of the brackets that are open there, innermost last
  bool at_secret;  // the last key before holds a secret: what follows it is not shown
};

Mistake explain_syntax_error(const Source& source, const Stopped& stopped);

// For a name, as `written` in the file, that conflicts with one on `line`; `is_again`: both are the
// same kind of thing.
std::string explain_conflict(std::string_view written, std::uint32_t line, bool is_again);

// Whether a key without quotes may have it.
bool is_bare_key_char(char c);

}  // namespace lb::config
