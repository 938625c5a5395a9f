// What is said of a change of the configuration: to lbcli, to the log, to the audit log.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "controlplane/config_reader.h"

namespace lb::api::control {
class ConfigReply;
}

namespace lb::controlplane {

std::string counted(std::size_t count);  // "1 change"
// What cannot be done at run time; empty: nothing.
std::string restart_error(const std::vector<config::Change>& changes);
// Mistakes and changes.
void put(const ConfigReader::Found& found, api::control::ConfigReply& reply);
// Of a change that was not begun, or is over: "ok", or why not.
std::string outcome_of(const api::control::ConfigReply& reply);
// `what` was asked for: "reload of FILE".
void write_log(const std::string& what, const api::control::ConfigReply& reply);

}  // namespace lb::controlplane
