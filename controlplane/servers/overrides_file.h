// What operators changed, in a file that outlives the process. A deadline is kept as a time of the
// calendar there. A service is found again by its key (Inventory), whatever it is called by then;
// in a file of a version that did not write the key, by its name.
#pragma once

#include <chrono>
#include <string>

#include "config/base/result.h"
#include "controlplane/service/inventory.h"

namespace lb::controlplane {

// One moment, by both clocks.
struct Now {
  std::chrono::steady_clock::time_point steady = std::chrono::steady_clock::now();
  std::chrono::system_clock::time_point calendar = std::chrono::system_clock::now();
};

// Nothing is changed when there is no such file, or a damaged one. What means nothing by the
// configuration of today is left out.
Result<void> load_changes(const std::string& path, Inventory& inventory, const Now& now);
// Whole or not at all, and on disk when this returns.
Result<void> save_changes(const std::string& path, const Inventory& inventory, const Now& now);

}  // namespace lb::controlplane
