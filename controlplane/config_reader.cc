#include "controlplane/config_reader.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "config/base/blocked_signals.h"
#include "config/base/printable.h"
#include "config/base/read_file.h"
#include "config/toml_tree.h"
#include "controlplane/os/learnt_files.h"
#include "controlplane/os/text_file.h"
#include "controlplane/os/user.h"

namespace lb::controlplane {
namespace {

using Source = ConfigReader::Source;
using Found = ConfigReader::Found;

template <typename Visit>
void for_each_check(const config::Config& config, const Visit& visit) {
  for (const config::Service& service : config.services) {
    visit(service.check);
    for (const config::RealServer& server : service.real_servers) {
      if (server.check) visit(*server.check);
    }
  }
}

// Of the checks: mail and the sync link have threads of their own.
void learn_files_of(const config::Config& config) {
  std::set<std::string> paths;
  for_each_check(config, [&](const config::Check& check) {
    paths.insert({check.password_file, check.tls_ca_file});
  });
  for (const config::Service& service : config.services) paths.insert(service.sorry_page);
  paths.erase("");
  learn_files(paths);
}

std::vector<std::string> learn_users_of(const config::Config& config) {
  std::map<std::string, std::vector<std::string>> users;  // with what they run
  const auto add = [&](const std::vector<std::string>& command, const std::string& named) {
    if (!command.empty()) users[config::script_user(named)].push_back(command.front());
  };
  add(config.ha.notify, config.ha.notify_user);
  add(config.alert.script, config.alert.script_user);
  for (const config::HaScript& script : config.ha.scripts) add(script.command, script.user);
  for (const config::HaResource& resource : config.ha.resources) {
    add(resource.unit.empty() ? resource.start : std::vector{resource.unit}, resource.user);
  }
  for (const config::Service& service : config.services) {
    add(service.quorum_up, service.quorum_user);
    add(service.quorum_down, service.quorum_user);
  }
  for_each_check(config, [&](const config::Check& check) { add(check.command, check.user); });
  std::set<std::string> names;
  for (const auto& [name, programs] : users) names.insert(name);
  std::vector<std::string> warnings;
  for (const std::string& name : learn_users(names)) {
    const std::vector<std::string>& programs = users[name];
    const std::string others =
        programs.size() == 1 ? "" : fmt::format(" and {} others", programs.size() - 1);
    warnings.push_back(
        fmt::format("user {} was not found: {}{} will not run; make it with useradd --system {}",
                    name, programs.front(), others, name));
  }
  return warnings;
}

// On the thread.
Found find(const Source& source, const config::Machine& machine, const config::Config& running) {
  Found found;
  if (!source.if_missing.empty() && !FileStamp::of(source.name).exists) {
    found.error = source.if_missing;
    return found;
  }
  // What would be applied and then could not be written ends with the next restart: better not at all.
  if (const auto able = source.kept_in.empty() ? Result<void>() : can_write_text(source.kept_in);
      !able) {
    found.error = "nothing was changed: " + able.error().message;
    return found;
  }
  auto text = source.text     ? Result<std::string>(*source.text)
              : source.is_own ? read_own_file(source.name, config::kMaxFileBytes)
                              : config::read_file(source.name);
  if (!text) {
    found.mistakes.push_back(printable(source.name + ": " + text.error().message));
    return found;
  }
  config::Loaded loaded = config::load_text(*text, source.name, machine);
  for (const config::Mistake& mistake : loaded.mistakes) {
    std::string line = config::format_mistakes(source.name, {mistake});
    line.pop_back();
    found.mistakes.push_back(std::move(line));
  }
  if (!found.mistakes.empty()) return found;
  found.warnings = learn(loaded.config);
  found.changes =
      source.from_it ? config::diff(loaded.config, running) : config::diff(running, loaded.config);
  found.version = ConfigVersion{std::move(*text), config::seal(std::move(loaded.config))};
  return found;
}

}  // namespace

std::vector<std::string> learn(const config::Config& config) {
  learn_files_of(config);
  return learn_users_of(config);
}

struct ConfigReader::Impl {
  Impl(boost::asio::io_context& io_context, config::Machine m)
      : io(io_context), machine(std::move(m)) {}

  boost::asio::io_context& io;
  const config::Machine machine;
  boost::asio::thread_pool thread{1};
};

ConfigReader::ConfigReader(boost::asio::io_context& io, config::Machine machine) {
  const BlockedSignals blocked;
  impl_ = std::make_shared<Impl>(io, std::move(machine));
}

ConfigReader::~ConfigReader() {
  impl_->thread.stop();
  impl_->thread.join();
}

void ConfigReader::read(Source source, config::ConfigPtr running, std::function<void(Found)> done) {
  boost::asio::post(
      impl_->thread, [impl = impl_.get(), life = std::weak_ptr(impl_), source = std::move(source),
                      running = std::move(running), done = std::move(done)] {
        boost::asio::post(impl->io,
                          [life, done, found = find(source, impl->machine, *running)]() mutable {
                            if (!life.expired()) done(std::move(found));
                          });
      });
}

}  // namespace lb::controlplane
