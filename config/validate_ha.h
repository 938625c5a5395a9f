// The parts of validate_ha().
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/validate.h"

namespace lb::config {

// The instances, against each other, the network and the services.
void validate_instances(const Config& config, std::vector<Problem>& problems);
// What the instances track.
void validate_tracks(const Config& config, std::vector<Problem>& problems);
// The programs that run where the instances' addresses are.
void validate_resources(const Config& config, std::vector<Problem>& problems);

// A program with its arguments, that no shell reads: an absolute path, or a name to be found in PATH.
void check_ha_command(const std::vector<std::string>& command, const std::string& path,
                      std::vector<Problem>& problems);
// Those that a program can be given.
void check_ha_arguments(const std::vector<std::string>& command, const std::string& path,
                        std::vector<Problem>& problems);

// Suggestions for unknown names. A file can have many thousand of them among as many known ones,
// where the search for the nearest is slow: only the first few get one.
class Suggestions {
 public:
  // "did you mean ...?", or `otherwise` when no other name of `known` is near.
  std::string remedy(std::string_view name, std::span<const std::string_view> known,
                     std::string_view otherwise);

 private:
  unsigned left_ = 20;
};

// A name used in logs, metrics and `lbcli` arguments; empty ones are reported elsewhere.
void check_ha_name(const std::string& name, std::string_view whose, const std::string& path,
                   std::vector<Problem>& problems);

}  // namespace lb::config
