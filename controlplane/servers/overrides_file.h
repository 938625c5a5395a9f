// Operators' changes, in a file for the next process. A deadline is a calendar time there. A
// service is found by its key (Inventory), whatever its name; if no service has the key, and in a file
// of a version without keys, by its name.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "config/base/result.h"
#include "controlplane/service/inventory.h"

namespace lb::controlplane {

// One moment, by both clocks.
struct Now {
  std::chrono::steady_clock::time_point steady = std::chrono::steady_clock::now();
  std::chrono::system_clock::time_point calendar = std::chrono::system_clock::now();
};

// What the file holds; empty when nothing is changed.
std::string changes_text(const Inventory& inventory, const Now& now);
// Into the inventory, over what is in force there; of a text with mistakes nothing is left.
Result<void> read_changes(const std::string& text, Inventory& inventory, const Now& now);

// A missing or damaged file changes nothing. What does not fit the present configuration is left
// out.
Result<void> load_changes(const std::string& path, Inventory& inventory, const Now& now);
// For FileWriter: without changes there is no file.
std::optional<std::string> changes_file(const Inventory& inventory, const Now& now);

}  // namespace lb::controlplane
