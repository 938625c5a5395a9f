// Where the daemons' sockets are, by a configuration file that need be neither whole nor right:
// whoever only talks to the daemons needs nothing else of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lb::config {

struct RunDir {
  std::string path;
  std::string source;  // where it was taken from, for messages
};

// What a text names as director.run_dir, as far as it can be read; nothing when it names none that
// could be used.
std::optional<std::string> find_run_dir(std::string_view text);

// As the file names it, else the default.
RunDir run_dir_of(const std::string& file);

}  // namespace lb::config
