// `check` and `version`: what they print.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace lb::cli {

std::string check_text(const config::Loaded& loaded);  // of a valid file
std::string check_json(const config::Loaded& loaded);

struct DaemonRelease {
  std::string program;
  std::string release;  // empty: no answer
  std::string error;    // why, when there is no answer
};

std::string version_text(const std::vector<DaemonRelease>& daemons);
std::string version_json(const std::vector<DaemonRelease>& daemons);

}  // namespace lb::cli
