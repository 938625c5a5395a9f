// What the instances of [ha] track: one thing each, which exists.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/validate_ha.h"

namespace lb::config {
namespace {

// Something to track, by its key in the file.
struct Kind {
  std::string_view key;
  std::string_view what;
  std::string_view remedy;
  ProblemKind kind;
  std::string HaTrack::*name;
  std::vector<std::string_view> known;  // sorted
};

class TrackValidator {
 public:
  TrackValidator(const Config& config, std::vector<Problem>& problems)
      : config_(config), problems_(problems) {
    Kind& interfaces = kinds_.emplace_back(Kind{"interface",
                                                "port or VLAN",
                                                "write the name of one",
                                                ProblemKind::kFollowsNetwork,
                                                &HaTrack::interface,
                                                {}});
    for (const Port& port : config.ports) {
      interfaces.known.push_back(port.name);
      for (const Vlan& vlan : port.vlans) interfaces.known.push_back(vlan.name);
    }
    Kind& services = kinds_.emplace_back(Kind{
        "service", "service", "write the name of one", ProblemKind::kOther, &HaTrack::service, {}});
    for (const Service& service : config.services) services.known.push_back(service.name);
    Kind& scripts = kinds_.emplace_back(Kind{"script",
                                             "script",
                                             "add a [[ha.script]] of that name",
                                             ProblemKind::kOther,
                                             &HaTrack::script,
                                             {}});
    for (const HaScript& script : config.ha.scripts) scripts.known.push_back(script.name);
    for (Kind& kind : kinds_) std::sort(kind.known.begin(), kind.known.end());
  }

  void run() {
    for (std::size_t i = 0; i < config_.ha.instances.size(); ++i) {
      const HaInstance& instance = config_.ha.instances[i];
      seen_.clear();
      for (std::size_t t = 0; t < instance.tracks.size(); ++t) {
        check(instance, instance.tracks[t], fmt::format("ha.instance[{}].track[{}]", i, t));
      }
    }
  }

 private:
  void report(std::string path, std::string message, ProblemKind kind = ProblemKind::kOther) {
    problems_.push_back({std::move(path), std::move(message), kind});
  }

  void check(const HaInstance& instance, const HaTrack& track, const std::string& path) {
    std::vector<const Kind*> named;
    for (const Kind& kind : kinds_) {
      if (!(track.*kind.name).empty()) named.push_back(&kind);
    }
    if (named.empty()) {
      report(path, "a track names what it follows; add interface, service or script = \"NAME\"");
    } else if (named.size() > 1) {
      report(fmt::format("{}.{}", path, named[1]->key),
             fmt::format("a track follows one thing, this one has {} and {}; write two",
                         named[0]->key, named[1]->key));
    } else {
      check_name(instance, *named[0], track.*named[0]->name, path);
    }
    if (instance.priority == kOwnerPriority && track.weight != 0) {
      report(path + ".weight",
             "the owner's priority is always 255; remove weight, so that a failure means FAULT, or "
             "use priority 254");
    }
  }

  void check_name(const HaInstance& instance, const Kind& kind, const std::string& name,
                  const std::string& path) {
    const std::string at = fmt::format("{}.{}", path, kind.key);
    if (!seen_.emplace(kind.key, name).second) {
      report(at, fmt::format("instance \"{}\" tracks {} \"{}\" already; keep one", instance.name,
                             kind.key, name));
      return;
    }
    // One without a name is reported; this may be it.
    const bool unnamed = !kind.known.empty() && kind.known[0].empty();
    if (unnamed || std::binary_search(kind.known.begin(), kind.known.end(), name)) return;
    report(at,
           fmt::format("there is no {} \"{}\"; {}", kind.what, name,
                       suggestions_.remedy(name, kind.known, kind.remedy)),
           kind.kind);
  }

  const Config& config_;
  std::vector<Problem>& problems_;
  std::vector<Kind> kinds_;
  Suggestions suggestions_;
  std::set<std::pair<std::string_view, std::string_view>> seen_;  // of one instance: (key, name)
};

}  // namespace

void validate_tracks(const Config& config, std::vector<Problem>& problems) {
  TrackValidator(config, problems).run();
}

}  // namespace lb::config
