// What must hold across keys and tables. Pure: no file, no machine but the one handed in.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace lb::config {

struct Problem {
  // The value at fault: "service[3].real_server[1].address". Several separated by '|': the first
  // that stands in the file.
  std::string path;
  std::string message;
  // Follows from ports and routes: not worth telling while those have mistakes of their own.
  bool follows_network = false;
};

std::vector<Problem> validate(const Config& config, const Machine& machine);

// Its parts.
void validate_director(const Director& director, std::vector<Problem>& problems);
void validate_dataplane(const Dataplane& dataplane, const Machine& machine,
                        std::vector<Problem>& problems);
void validate_network(const Config& config, std::vector<Problem>& problems);
void validate_services(const Config& config, std::vector<Problem>& problems);

}  // namespace lb::config
