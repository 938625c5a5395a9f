// The options of `lbcli import` as an operator writes them.
#pragma once

#include <string>
#include <string_view>

#include "config/import/context.h"

namespace lb::importer {

// One of --ports "wan=eth0,lan=eth1", --device "wan=0000:03:00.0" and --address "wan=192.0.2.2/24".
Result<void> add_option(Options& options, std::string_view name, const std::string& value);

// Whether a path is one of a pattern with * and ?, which never stand for '/'.
bool matches_pattern(std::string_view path, std::string_view pattern);

}  // namespace lb::importer
