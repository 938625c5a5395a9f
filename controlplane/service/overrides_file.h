// What operators changed, in a file that outlives the process. A deadline is kept as a time of the
// calendar there.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "config/base/result.h"
#include "controlplane/service/overrides.h"

namespace lb::controlplane {

// One moment, by both clocks.
struct Now {
  std::chrono::steady_clock::time_point steady = std::chrono::steady_clock::now();
  std::chrono::system_clock::time_point calendar = std::chrono::system_clock::now();
};

// None when there is no such file.
Result<Changes> load_changes(const std::string& path, const Now& now);
// Whole or not at all, and on disk when this returns.
Result<void> save_changes(const std::string& path, const Changes& changes, const Now& now);

}  // namespace lb::controlplane
