// The JSON library, for the .cc files that print with it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace lb::view {

// Keys in the order in which they are set.
using Json = nlohmann::ordered_json;

// Indented, with a line end. Bytes that are no UTF-8 are replaced, not thrown at the caller.
std::string print(const Json& json);
// On one line, without its end.
std::string print_line(const Json& json);

}  // namespace lb::view
