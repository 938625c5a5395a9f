// The [alert] table, from the tree to the model.
#pragma once

#include "config/table_reader.h"

namespace lb::config {

void parse_alert(ReadReport& report, const Node& node, Alert& alert);

}  // namespace lb::config
