// The [ha] table: programs that it runs and the link to the peer. Its instances and
// what they track have files of their own.
#include "config/validate_ha.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/validate_internal.h"

namespace lb::config {
namespace {

class HaValidator {
 public:
  HaValidator(const Config& config, std::vector<Problem>& problems)
      : config_(config), ha_(config.ha), network_(config), problems_(problems) {}

  void run() {
    if (ha_.instances.empty()) {
      // It would have no effect, unnoticed.
      if (ha_ != Ha{}) {
        report("ha.sync|ha.script[0]|ha.resource[0]|ha",
               "[ha] has no meaning without an instance; add an [[ha.instance]] with name, port, "
               "virtual_router_id and addresses");
      }
      return;
    }
    if (ha_.garp_refresh.count() != 0 && ha_.garp_refresh < std::chrono::seconds(1)) {
      report("ha.garp_refresh",
             "garp_refresh is too short; write \"1s\" or more, or \"0s\" for none");
    }
    check_notify();
    for (std::size_t i = 0; i < ha_.scripts.size(); ++i) {
      check_script(ha_.scripts[i], fmt::format("ha.script[{}]", i));
    }
    if (ha_.sync) check_sync(*ha_.sync);
  }

 private:
  void report(std::string path, std::string message, ProblemKind kind = ProblemKind::kOther) {
    problems_.push_back({std::move(path), std::move(message), kind});
  }

  void check_notify() {
    if (!ha_.notify.empty() && !ha_.notify[0].starts_with('/')) {
      report("ha.notify[0]",
             fmt::format("\"{}\" is not an absolute path; write the program with its folder, as "
                         "\"/etc/ballast/notify.sh\"",
                         ha_.notify[0]));
    }
    check_ha_arguments(ha_.notify, "ha.notify", problems_);
    check_user(ha_.notify_user, "ha.notify_user");
    if (ha_.notify.empty() && !ha_.notify_user.empty()) {
      report("ha.notify_user",
             "notify_user has no meaning without notify; add notify, or remove it");
    }
  }

  void check_script(const HaScript& script, const std::string& path) {
    check_ha_name(script.name, "a script", path + ".name", problems_);
    if (!scripts_.insert(script.name).second) {
      report(
          path + ".name",
          fmt::format("another script is called \"{}\" already; choose another name", script.name));
    }
    check_user(script.user, path + ".user");
    check_ha_command(script.command, path + ".command", problems_);
  }

  void check_user(const std::string& user, const std::string& path) {
    if (user_name(user)) return;
    report(path, fmt::format("\"{}\" is not a user name; write one, as \"nobody\"", user));
  }

  void check_sync(const HaSync& sync) {
    check_endpoint(sync.listen, "ha.sync.listen", "this director's own address on the link");
    check_endpoint(sync.peer, "ha.sync.peer", "the other director's own address on the link");
    if (sync.listen.address.family() != sync.peer.address.family()) {
      report("ha.sync.peer",
             fmt::format("{} is of another family than listen; write both as IPv4 or both as IPv6",
                         sync.peer.address.to_string()));
    } else if (sync.listen.address == sync.peer.address) {
      report("ha.sync.peer",
             fmt::format("{} is the address of listen too; write the other director's",
                         sync.peer.address.to_string()));
    } else if (network_.is_own(sync.peer.address)) {
      report("ha.sync.peer",
             fmt::format("{} is this director's own address; write the other director's",
                         sync.peer.address.to_string()),
             ProblemKind::kFollowsNetwork);
    }
    check_warn_after(sync);
    check_keys(sync);
  }

  void check_endpoint(const Endpoint& endpoint, const std::string& path, std::string_view remedy) {
    const std::string text = endpoint.address.to_string();
    // Two directors on one machine may have their link on its loopback.
    const bool loopback = is_loopback(endpoint.address);
    if (const auto why = unusable(endpoint.address); !why.empty() && !loopback) {
      report(path, fmt::format("{} is {}; write {}", text, why, remedy));
    } else if (const HaOwner* const ha = network_.ha_owner(endpoint.address)) {
      report(path, fmt::format("{} is an address of instance \"{}\", which moves; write {}", text,
                               ha->instance, remedy));
    } else if (std::any_of(config_.services.begin(), config_.services.end(), [&](const Service& s) {
                 const auto vips = s.vips();
                 return std::find(vips.begin(), vips.end(), endpoint.address) != vips.end();
               })) {
      report(path, fmt::format("{} is the VIP of a service; write {}", text, remedy));
    }
  }

  void check_warn_after(const HaSync& sync) {
    if (sync.warn_after.count() == 0 || sync.warn_after > sync.heartbeat) return;
    report("ha.sync.warn_after",
           fmt::format("a heartbeat comes every {} ms; write a longer time, or remove warn_after",
                       sync.heartbeat.count()));
  }

  void check_keys(const HaSync& sync) {
    const std::pair<std::string_view, const std::string*> files[] = {
        {"certificate_file", &sync.certificate_file},
        {"private_key_file", &sync.private_key_file},
        {"ca_file", &sync.ca_file}};
    std::string_view present;
    std::string missing;
    for (const auto& [key, file] : files) {
      if (!file->empty() && present.empty()) present = key;
      if (file->empty()) missing += fmt::format("{}{}", missing.empty() ? "" : " and ", key);
    }
    if (present.empty() && sync.key_file.empty()) {
      report("ha.sync",
             "the link is always encrypted; add key_file, or certificate_file, private_key_file "
             "and ca_file");
    } else if (!present.empty() && !sync.key_file.empty()) {
      report(fmt::format("ha.sync.{}", present),
             fmt::format("there are key_file and {}; keep the key, or the certificates", present));
    } else if (!present.empty() && !missing.empty()) {
      report(fmt::format("ha.sync.{}", present),
             fmt::format("{} alone is not enough; add {}", present, missing));
    }
  }

  const Config& config_;
  const Ha& ha_;
  const Network network_;
  std::vector<Problem>& problems_;
  std::set<std::string> scripts_;
};

}  // namespace

void check_ha_arguments(const std::vector<std::string>& command, const std::string& path,
                        std::vector<Problem>& problems) {
  for (std::size_t i = 0; i < command.size(); ++i) {
    if (command[i].find('\0') == std::string::npos) continue;
    problems.push_back(
        {fmt::format("{}[{}]", path, i), "an argument cannot have a zero byte; remove it"});
  }
}

void check_ha_command(const std::vector<std::string>& command, const std::string& path,
                      std::vector<Problem>& problems) {
  if (command.empty() || command[0].empty()) {
    problems.push_back(
        {path, "the command is empty; write the program and its arguments, each in quotes"});
    return;
  }
  const std::string& program = command[0];
  if (program.find(' ') != std::string::npos) {
    problems.push_back(
        {path + "[0]",
         fmt::format("\"{}\" is more than the name of a program; no shell reads it, so write each "
                     "argument in quotes of its own",
                     program)});
  } else if (!program.starts_with('/') && program.find('/') != std::string::npos) {
    problems.push_back(
        {path + "[0]",
         fmt::format("\"{}\" is a relative path; write an absolute one, or the name alone",
                     program)});
  }
  check_ha_arguments(command, path, problems);
}

void validate_ha(const Config& config, std::vector<Problem>& problems) {
  if (!config.ha.instances.empty()) {
    validate_instances(config, problems);
    validate_tracks(config, problems);
    validate_resources(config, problems);
  }
  HaValidator(config, problems).run();
}

}  // namespace lb::config
