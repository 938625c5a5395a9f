// What commands other than `show` print.
#pragma once

#include <string>
#include <string_view>
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

// Of a command that has nothing but a text to answer with.
std::string result_json(std::string_view text);

std::string version_text(const std::vector<DaemonRelease>& daemons);
std::string version_json(const std::vector<DaemonRelease>& daemons);

}  // namespace lb::cli
