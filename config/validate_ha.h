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

// The mends of names that do not exist. A file can have many thousand of them among as many known
// ones, where looking for the nearest takes long: the first few get it.
class Suggestions {
 public:
  // "did you mean ...?", or `otherwise` when no other name of `known` is near.
  std::string mend(std::string_view name, std::span<const std::string_view> known,
                   std::string_view otherwise);

 private:
  unsigned left_ = 20;
};

// A name that stands in logs, in metrics and in what `lbcli` is told; empty ones are told
// elsewhere.
void check_ha_name(const std::string& name, std::string_view whose, const std::string& path,
                   std::vector<Problem>& problems);

}  // namespace lb::config
