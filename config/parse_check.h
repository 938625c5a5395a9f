// [service.check] and [service.agent]
#pragma once

#include <string>

#include "config/table_reader.h"

namespace lb::config {

void parse_check(ReadReport& report, const Node& node, const std::string& path, Check& check);

void parse_agent(ReadReport& report, const Node& node, const std::string& path, AgentCheck& agent);

}  // namespace lb::config
