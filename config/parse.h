// From the tree to the model: every key typed, with its range; nothing across tables.
#pragma once

#include "config/table_reader.h"

namespace lb::config {

// Mistakes go to `report`; what was wrong or absent has its default.
Config parse(const Node& root, ReadReport& report);

}  // namespace lb::config
