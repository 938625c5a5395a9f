// What a line of TOML that the library refused has probably been meant to be, in an operator's
// terms.
#pragma once

#include <string_view>

#include "config/load.h"
#include "config/source.h"

namespace lb::config {

// `report` is the library's own words, "Error while parsing PART: ...", and `where` the place at
// which it stopped: all of the text before it is TOML.
Mistake explain_syntax_error(const Source& source, std::string_view report, Location where);

}  // namespace lb::config
