// What a line of TOML that the library refused has probably been meant to be, in an operator's
// terms.
#pragma once

#include <string>
#include <string_view>

#include "config/toml_tree.h"

namespace lb::config {

// `report` is the library's own multi-line report; `fallback` is used when no place can be read
// from it.
Mistake explain_syntax_error(const Source& source, std::string_view report, Location fallback);

}  // namespace lb::config
