// Reports about a change of the configuration: to lbcli, the log and the audit log.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "controlplane/config_reader.h"
#include "controlplane/service/overrides.h"

namespace lb::api::control {
class ConfigReply;
}

namespace lb::controlplane {

std::string counted(std::size_t count);  // "1 change"
// Why the changes need a restart; empty: they do not.
std::string restart_error(const std::vector<config::Change>& changes);
// Errors and changes.
void put(const ConfigReader::Found& found, api::control::ConfigReply& reply);
// Further changes, a line each.
void put(const std::vector<std::string>& lines, api::control::ConfigReply& reply);
std::vector<std::string> texts_of(const std::vector<EndedChange>& ended);
// Result of a change that was refused or is over: "ok", or the error.
std::string outcome_of(const api::control::ConfigReply& reply);
// `what`: "reload of FILE".
void write_log(const std::string& what, const api::control::ConfigReply& reply);

}  // namespace lb::controlplane
