#include "controlplane/failover/resources.h"

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <utility>
#include <vector>

#include "config/base/log.h"
#include "config/base/nearest.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/failover/resource_group.h"
#include "controlplane/os/process.h"

namespace lb::controlplane {
namespace {

using api::control::HaCommand;
using Clock = std::chrono::steady_clock;

std::vector<std::string> command_line(const config::HaResource& config, ResourceStep step) {
  if (!config.unit.empty()) {
    const std::string verb(step == ResourceStep::kMonitor ? "is-active" : to_text(step));
    return {"systemctl", verb, config.unit};
  }
  if (step == ResourceStep::kStart) return config.start;
  return step == ResourceStep::kStop ? config.stop : config.monitor;
}

struct EventText {
  std::string_view text;
  log::Level level;
  bool alerts;
};

constexpr EventText text_of(ResourceEvent event) {
  switch (event) {
    case ResourceEvent::kStarted:
      return {"started", log::Level::kInfo, false};
    case ResourceEvent::kAdopted:
      return {"runs already", log::Level::kInfo, false};
    case ResourceEvent::kStopped:
      return {"stopped", log::Level::kInfo, false};
    case ResourceEvent::kRestarted:
      return {"restarted", log::Level::kWarning, true};
    case ResourceEvent::kFailed:
      return {"failed", log::Level::kError, true};
    case ResourceEvent::kRecovered:
      return {"recovered", log::Level::kInfo, true};
    case ResourceEvent::kStopFailed:
      return {"stop failed", log::Level::kError, true};
    case ResourceEvent::kStopRecovered:
      return {"stopped", log::Level::kInfo, true};
    case ResourceEvent::kWaiting:
      return {"waiting", log::Level::kError, true};
  }
  return {};
}

std::string_view state_of(const ResourceGroup::Resource& resource) {
  constexpr std::array<std::string_view, 7> kNames = {
      "unknown", "stopped",  "waiting for the peer", "starting",
      "running", "stopping", "stop failed"};
  const bool is_off = resource.state == ResourceState::kStopped;
  return resource.failed && is_off ? "failed" : kNames.at(static_cast<std::size_t>(resource.state));
}

std::uint64_t unix_ms(ResourceGroup::Time then) {
  const auto at = std::chrono::system_clock::now() - (Clock::now() - then);
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count());
}

}  // namespace

struct Resources::Impl : std::enable_shared_from_this<Impl> {
  struct Group {
    ResourceGroup core{Clock::now()};
    std::map<std::uint64_t, std::function<void()>> kill;  // of what runs, by its number
  };

  Impl(boost::asio::io_context& io_context, std::string name, Host h)
      : io(io_context), director(std::move(name)), host(std::move(h)), timer(io_context) {}

  void configure(const config::Config& config);
  void act(const std::string& group, const ResourceActions& actions);
  void run(const std::string& group, const ResourceAction& action);
  void ended(const std::string& group, std::uint64_t run, const std::string& error);
  void note(const ResourceAction& action) const;
  void settle();
  void arm();

  boost::asio::io_context& io;
  const std::string director;
  const Host host;
  std::map<std::string, Group> groups;
  boost::asio::steady_timer timer;
  std::function<void()> left;
  bool stopped = false;
};

void Resources::Impl::configure(const config::Config& config) {
  std::map<std::string, std::vector<config::HaResource>> by_group;
  for (const auto& [name, group] : groups) by_group[name];
  for (const config::HaResource& resource : config.ha.resources) {
    const auto& all = config.ha.instances;
    const auto instance = std::ranges::find(all, resource.instance, &config::HaInstance::name);
    by_group[config::group_of(*instance)].push_back(resource);
  }
  for (const auto& [name, resources] : by_group) {
    act(name, groups[name].core.configure(resources, Clock::now()));
  }
}

void Resources::Impl::act(const std::string& group, const ResourceActions& actions) {
  for (const ResourceAction& action : actions) {
    switch (action.kind) {
      case ResourceAction::Kind::kRun:
        run(group, action);
        break;
      case ResourceAction::Kind::kCancel:
        if (const auto found = groups[group].kill.find(action.run);
            found != groups[group].kill.end()) {
          found->second();
        }
        break;
      case ResourceAction::Kind::kReport:
        note(action);
        break;
    }
  }
}

void Resources::Impl::run(const std::string& group, const ResourceAction& action) {
  const config::HaResource& config = action.resource;
  const std::array<std::chrono::milliseconds, 3> limits = {
      config.start_timeout, config.stop_timeout, config.monitor_timeout};
  Command command{command_line(config, action.step),
                  {"BALLAST_DIRECTOR=" + director, "BALLAST_INSTANCE=" + config.instance,
                   "BALLAST_RESOURCE=" + config.name},
                  config::script_user(config.user),
                  action.step == ResourceStep::kStart};
  groups[group].kill[action.run] =
      run_process(io, command, limits.at(static_cast<std::size_t>(action.step)),
                  [weak = weak_from_this(), group, number = action.run](const auto& result) {
                    const auto self = weak.lock();
                    if (self && !self->stopped) self->ended(group, number, result.error);
                  });
}

void Resources::Impl::ended(const std::string& group, std::uint64_t run, const std::string& error) {
  groups[group].kill.erase(run);
  act(group, groups[group].core.ended(run, error, Clock::now()));
  settle();
}

void Resources::Impl::note(const ResourceAction& action) const {
  const std::string& name = action.resource.name;
  const EventText shown = text_of(action.event);
  log::write(shown.level, "resource " + name + ": " + std::string(shown.text) +
                              (action.text.empty() ? "" : ": " + action.text));
  if (shown.alerts) host.alert({name, std::string(shown.text), action.text});
}

// After every change.
void Resources::Impl::settle() {
  arm();
  host.changed();
  const bool down =
      std::ranges::all_of(groups, [](const auto& each) { return each.second.core.is_down(); });
  if (!down || !left) return;
  std::exchange(left, nullptr)();
}

void Resources::Impl::arm() {
  auto next = Clock::time_point::max();
  for (const auto& [name, group] : groups) {
    next = std::min(next, group.core.next_deadline().value_or(next));
  }
  timer.cancel();
  if (next == Clock::time_point::max() || stopped) return;
  timer.expires_at(next);
  timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!self || error || self->stopped) return;
    for (auto& [name, group] : self->groups) self->act(name, group.core.expire(Clock::now()));
    self->settle();
  });
}

Resources::Resources(boost::asio::io_context& io, const config::Config& config, Host host)
    : impl_(std::make_shared<Impl>(io, config.director.name, std::move(host))) {
  impl_->configure(config);
}

Resources::~Resources() {
  stop();
}

void Resources::configure(const config::Config& config) {
  impl_->configure(config);
  impl_->settle();
}

void Resources::update(const ResourceViews& views) {
  for (auto& [name, group] : impl_->groups) {
    const auto found = views.find(name);
    if (found != views.end()) impl_->act(name, group.core.update(found->second, Clock::now()));
  }
  impl_->settle();
}

ResourceReports Resources::reports() const {
  ResourceReports reports;
  for (const auto& [name, group] : impl_->groups) reports[name] = group.core.report();
  return reports;
}

std::map<std::string, std::string> Resources::faults() const {
  std::map<std::string, std::string> faults;
  for (const auto& [name, group] : impl_->groups) {
    const ResourceGroup::Resource* const failed = group.core.failure();
    if (failed != nullptr) {
      faults[failed->config.instance] = "resource " + failed->config.name + " failed";
    }
  }
  return faults;
}

Result<std::string> Resources::command(const HaCommand& command) {
  const bool is_retry = command.kind() == HaCommand::RETRY;
  bool any = false;
  std::vector<std::string_view> names;
  for (auto& [name, group] : impl_->groups) {
    names.emplace_back(name);
    if (!command.group().empty() && command.group() != name) continue;
    ResourceActions actions;
    const auto now = Clock::now();
    any = (is_retry ? group.core.retry(actions, now) : group.core.confirm(actions, now)) || any;
    impl_->act(name, actions);
  }
  if (!command.group().empty() && std::ranges::find(names, command.group()) == names.end()) {
    return wrong_request(unknown_name("group with resources", command.group(), names));
  }
  impl_->settle();
  if (is_retry) return any ? Result<std::string>("failures forgotten") : fail("no resource failed");
  return any ? Result<std::string>("started without the peer")
             : fail("no resource waits for the peer");
}

void Resources::leave(std::function<void()> done) {
  impl_->left = std::move(done);
  for (auto& [name, group] : impl_->groups) impl_->act(name, group.core.leave(Clock::now()));
  impl_->settle();
}

std::chrono::milliseconds Resources::stop_time() const {
  std::chrono::milliseconds longest{0};  // groups stop side by side
  for (const auto& [name, group] : impl_->groups) {
    longest = std::max(longest, group.core.stop_time());
  }
  return longest;
}

void Resources::stop() {
  impl_->stopped = true;
  impl_->timer.cancel();
}

void Resources::fill(api::control::Ha& ha) const {
  for (const auto& [name, group] : impl_->groups) {
    for (const ResourceGroup::Resource& each : group.core.resources()) {
      api::control::HaResource& out = *ha.add_resources();
      out.set_name(each.config.name);
      out.set_instance(each.config.instance);
      out.set_state(std::string(state_of(each)));
      out.set_restarts(each.restart_count);
      if (each.failed) out.set_failure(each.failure);
      if (!each.last) continue;
      out.set_last_step(std::string(to_text(each.last->step)));
      out.set_last_error(each.last->error);
      out.set_last_unix_ms(unix_ms(each.last->at));
    }
  }
}

}  // namespace lb::controlplane
