// Groups of services, which share their clients' real servers.
#include <fmt/format.h>

#include <map>
#include <string>

#include "config/duration.h"
#include "config/validate.h"
#include "config/validate_internal.h"

namespace lb::config {
namespace {}

void validate_groups(const Config& config, std::vector<Problem>& problems) {
  std::map<std::string, const Service*> first_of;
  for (std::size_t i = 0; i < config.services.size(); ++i) {
    const Service& service = config.services[i];
    if (service.group.empty() || service.persistence == Milliseconds(0)) continue;
    const std::string path = fmt::format("service[{}]", i);
    if (!made_of(service.group, "-_.:/@+") || service.group.size() > kMaxNameBytes) {
      problems.push_back(
          {path + ".group", fmt::format("\"{}\" is not a valid name for a group; use letters, "
                                        "digits and -_.:/@+, {} at most",
                                        service.group, kMaxNameBytes)});
    }
    const auto [at, is_new] = first_of.emplace(service.group, &service);
    if (is_new) continue;
    const Service& first = *at->second;
    if (service.persistence != first.persistence) {
      problems.push_back(
          {path + ".persistence",
           fmt::format("service \"{}\" of the same group has persistence = \"{}\"; write the same "
                       "in both",
                       first.name, to_text(first.persistence))});
    }
    if (service.persistence_prefix != first.persistence_prefix) {
      problems.push_back(
          {path + ".persistence_prefix|" + path + ".group",
           fmt::format("service \"{}\" of the same group has persistence_prefix = {}; write the "
                       "same in both",
                       first.name, first.persistence_prefix)});
    }
  }
}

}  // namespace lb::config
