// The [ha] table, from the tree to the model.
#pragma once

#include "config/table_reader.h"

namespace lb::config {

void parse_ha(ReadReport& report, const Node& node, Ha& ha);

}  // namespace lb::config
