// Durations as an operator writes them: a whole number and its unit, "500ms", "30s", "15m", "1h".
#pragma once

#include <string>
#include <string_view>

#include "config/base/result.h"
#include "config/model.h"

namespace lb::config {

Result<Milliseconds> parse_duration(std::string_view text);

// In the largest unit that keeps it whole.
std::string to_text(Milliseconds duration);

}  // namespace lb::config
