// [[ha.resource]]: programs that run on the master only.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/validate_ha.h"
#include "config/validate_internal.h"

namespace lb::config {
namespace {

class ResourceValidator {
 public:
  ResourceValidator(const Config& config, std::vector<Problem>& problems)
      : config_(config), problems_(problems) {
    for (const HaInstance& instance : config.ha.instances) instances_.push_back(instance.name);
    std::sort(instances_.begin(), instances_.end());
  }

  void run() {
    for (std::size_t i = 0; i < config_.ha.resources.size(); ++i) {
      check(config_.ha.resources[i], fmt::format("ha.resource[{}]", i));
    }
  }

 private:
  void report(std::string path, std::string message) {
    problems_.push_back({std::move(path), std::move(message)});
  }

  void check(const HaResource& resource, const std::string& path) {
    check_ha_name(resource.name, "a resource", path + ".name", problems_);
    if (!resource.name.empty() && !names_.insert(resource.name).second) {
      report(path + ".name",
             fmt::format("another resource is called \"{}\" already; choose another name",
                         resource.name));
    }
    check_instance(resource, path);
    check_commands(resource, path);
    if (!user_name(resource.user)) {
      report(path + ".user",
             fmt::format("\"{}\" is not a user name; write one, as \"nobody\"", resource.user));
    }
    if (resource.peer_confirmation == PeerConfirmation::kRequired && !config_.ha.sync) {
      report(path + ".peer_confirmation",
             "\"required\" needs a sync link, by which the peer confirms; add [ha.sync], or write "
             "\"lease\"");
    }
  }

  void check_instance(const HaResource& resource, const std::string& path) {
    // One without a name is reported; this may be it.
    const bool unnamed = !instances_.empty() && instances_[0].empty();
    if (resource.instance.empty() || unnamed ||
        std::binary_search(instances_.begin(), instances_.end(), resource.instance)) {
      return;
    }
    report(path + ".instance",
           fmt::format("there is no instance \"{}\"; {}", resource.instance,
                       suggestions_.remedy(resource.instance, instances_,
                                           "add an [[ha.instance]] of that name")));
  }

  void check_commands(const HaResource& resource, const std::string& path) {
    const std::pair<std::string_view, const std::vector<std::string>*> commands[] = {
        {"start", &resource.start}, {"stop", &resource.stop}, {"monitor", &resource.monitor}};
    if (!resource.unit.empty()) {
      check_unit(resource.unit, path + ".unit");
      for (const auto& [key, command] : commands) {
        if (command->empty()) continue;
        report(
            fmt::format("{}.{}", path, key),
            fmt::format("there are unit and {}; keep the unit, or start, stop and monitor", key));
        return;
      }
      return;
    }
    std::string missing;
    for (const auto& [key, command] : commands) {
      if (command->empty()) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", key);
    }
    if (!missing.empty()) {
      report(path, fmt::format("it lacks {}; add them, or unit alone", missing));
      return;
    }
    for (const auto& [key, command] : commands) {
      check_ha_command(*command, fmt::format("{}.{}", path, key), problems_);
    }
  }

  // As systemd.unit(5): what begins with '-' would be an option of systemctl.
  void check_unit(const std::string& unit, const std::string& path) {
    if (made_of(unit, ":-_.\\@") && !unit.starts_with('-') && unit.find('.') != std::string::npos) {
      return;
    }
    report(path, fmt::format("\"{}\" is not the name of a unit; write one with its suffix, as "
                             "\"haproxy.service\"",
                             unit));
  }

  const Config& config_;
  std::vector<Problem>& problems_;
  std::vector<std::string_view> instances_;  // sorted
  std::set<std::string> names_;
  Suggestions suggestions_;
};

}  // namespace

void validate_resources(const Config& config, std::vector<Problem>& problems) {
  ResourceValidator(config, problems).run();
}

}  // namespace lb::config
