// Text of strangers (peers, servers' answers, files, users) for people to read: on a terminal, in a
// log, in a mail. What could move the cursor, begin a line or change the order of letters is shown
// as an escape sequence. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lb {

struct Character {
  std::size_t bytes = 1;  // of the text; 1 when it is no UTF-8
  char32_t code = 0;
  bool is_valid = false;  // UTF-8 (RFC 3629): no overlong form, no surrogate
};

// The first one of a text that is not empty.
Character first_character(std::string_view text);

// Whether a code point is shown as it is: no control character (C0, DEL, C1), no line or paragraph
// separator, no mark or override of the writing direction, nothing invisible.
bool is_printable(char32_t code);

// Bytes that are no UTF-8 are shown as \xHH, control characters as \n, \r, \t or \xHH, other
// characters as \uHHHH or \UHHHHHHHH; those in `keep`, which are ASCII, stay. A backslash stays one.
std::string printable(std::string_view text, std::string_view keep = {});

// The same for a JSON text, whose strings are the only place of such characters: \uHHHH as RFC 8259
// section 7 says. The blanks between values stay. For text that is UTF-8.
std::string printable_json(std::string_view json);

}  // namespace lb
