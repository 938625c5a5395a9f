#include "controlplane/failover/resource_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace lb::controlplane {
namespace {

using std::chrono::milliseconds;

// For a director that lost mastership without being able to report it: until it knows that (its control
// plane may have to be started again), beside the time of the stops themselves.
constexpr milliseconds kLeaseMargin{5'000};
// A stop that failed is tried again.
constexpr milliseconds kStopAgain{10'000};
// What is killed at its time limit has this long to end; else it hangs in the kernel.
constexpr milliseconds kReapTime{2'000};

milliseconds limit_of(const config::HaResource& config, ResourceStep step) {
  if (step == ResourceStep::kStart) return config.start_timeout;
  return step == ResourceStep::kStop ? config.stop_timeout : config.monitor_timeout;
}

bool has_same_commands(const config::HaResource& a, const config::HaResource& b) {
  return std::tie(a.unit, a.start, a.stop, a.monitor, a.user) ==
         std::tie(b.unit, b.start, b.stop, b.monitor, b.user);
}

bool has_failure_timeout(const ResourceGroup::Resource& resource) {
  return resource.failed && resource.config.failure_timeout.count() != 0;
}

}  // namespace

std::string_view to_text(ResourceStep step) {
  constexpr std::array<std::string_view, 3> kNames = {"start", "stop", "monitor"};
  return kNames[static_cast<std::size_t>(step)];
}

// ---- events

ResourceActions ResourceGroup::configure(const std::vector<config::HaResource>& configured,
                                         Time now) {
  std::vector<Resource> before = std::exchange(resources_, {});
  for (const config::HaResource& config : configured) {
    const auto found = std::ranges::find(before, config.name,
                                         [](const Resource& each) { return each.config.name; });
    if (found == before.end()) {
      resources_.push_back({.config = config});
      continue;
    }
    Resource& resource = resources_.emplace_back(std::move(*found));
    before.erase(found);
    resource.removed = false;
    adopt_config(resource, config);
  }
  for (Resource& each : before) {
    each.removed = true;
    each.failed = false;
    resources_.push_back(std::move(each));
  }
  return proceed(now);
}

void ResourceGroup::adopt_config(Resource& resource, const config::HaResource& config) {
  if (resource.next.value_or(resource.config) == config) return;
  forget_failure(resource);
  resource.next.reset();
  const bool is_off = resource.state == State::kStopped || resource.state == State::kWaiting;
  if (is_off || has_same_commands(resource.config, config)) {
    resource.config = config;
    return;
  }
  resource.next = config;
  config::HaResource until = config;
  until.unit = resource.config.unit;
  until.start = resource.config.start;
  until.stop = resource.config.stop;
  until.monitor = resource.config.monitor;
  until.user = resource.config.user;
  resource.config = std::move(until);
}

ResourceActions ResourceGroup::update(const ResourceView& view, Time now) {
  using Role = ResourceView::Role;
  if (view.role != view_.role || view.number != view_.number) {
    master_since_ = now;
    confirmed_ = lease_over_ = waiting_reported_ = false;
  }
  if (view.peer != view_.peer) gone_since_ = now;
  // With "move" the failure is what keeps this director from being master again.
  if (view.role == Role::kOther && view_.role != Role::kOther) {
    for (Resource& each : resources_) {
      if (each.config.on_failure == config::ResourceFailure::kKeep) forget_failure(each);
    }
  }
  view_ = view;
  return proceed(now);
}

ResourceActions ResourceGroup::ended(std::uint64_t run, const std::string& error, Time now) {
  const auto found = std::ranges::find(resources_, run, &Resource::run);
  if (found == resources_.end() || run == 0) return {};
  end(*found, error, now);
  return proceed(now);
}

ResourceActions ResourceGroup::expire(Time now) {
  for (Resource& each : resources_) {
    if (each.run != 0 && each.run_until <= now) {
      end(each, "it hangs, and does not end when it is killed", now);
    }
    if (has_failure_timeout(each) && each.failed_at + each.config.failure_timeout <= now) {
      forget_failure(each);
    }
  }
  return proceed(now);
}

ResourceActions ResourceGroup::leave(Time now) {
  leaving_ = true;
  return proceed(now);
}

bool ResourceGroup::retry(ResourceActions& actions, Time now) {
  bool any = false;
  for (Resource& each : resources_) {
    any = any || each.failed || each.state == State::kStopFailed;
    forget_failure(each);
    each.stop_again_at = now;
  }
  actions = proceed(now);
  return any;
}

bool ResourceGroup::confirm(ResourceActions& actions, Time now) {
  if (!is_waiting()) return false;
  confirmed_ = true;
  actions = proceed(now);
  return true;
}

// ---- state

ResourceReport ResourceGroup::report() const {
  ResourceReport report{view_.number, Programs::kStopped, stop_time()};
  for (const Resource& each : resources_) {
    if (each.config.peer_confirmation == config::PeerConfirmation::kNone) continue;
    if (each.state == State::kStopFailed) {
      report.programs = Programs::kStopFailed;
    } else if (each.state != State::kStopped && each.state != State::kWaiting) {
      report.programs = std::max(report.programs, Programs::kMayRun);
    }
  }
  return report;
}

bool ResourceGroup::is_down() const {
  return std::ranges::all_of(resources_, [](const Resource& each) {
    return each.run == 0 && (each.state == State::kStopped || each.state == State::kStopFailed);
  });
}

const ResourceGroup::Resource* ResourceGroup::failure() const {
  const auto found = std::ranges::find_if(resources_, [](const Resource& each) {
    return each.failed && each.config.on_failure == config::ResourceFailure::kMove;
  });
  return found == resources_.end() ? nullptr : &*found;
}

milliseconds ResourceGroup::stop_time() const {
  milliseconds sum{0};
  for (const Resource& each : resources_) sum += each.config.stop_timeout;
  return sum;
}

std::optional<ResourceGroup::Time> ResourceGroup::next_deadline() const {
  auto next = Time::max();
  const auto at = [&next](Time time) { next = std::min(next, time); };
  for (const Resource& each : resources_) {
    if (each.run != 0) at(each.run_until);
    if (each.state == State::kRunning && each.run == 0 && wants_up()) at(each.monitor_at);
    if (each.state == State::kStopFailed && !is_changing()) at(each.stop_again_at);
    if (has_failure_timeout(each)) at(each.failed_at + each.config.failure_timeout);
  }
  const bool runs_out = view_.peer == ResourceView::Peer::kGone && !lease_over_;
  if (is_waiting() && (runs_out || !waiting_reported_)) at(lease_end());
  return next == Time::max() ? std::nullopt : std::optional(next);
}

bool ResourceGroup::wants_up() const {
  return view_.role == ResourceView::Role::kMaster && !leaving_ && failure() == nullptr;
}

bool ResourceGroup::is_waiting() const {
  return wants_up() &&
         std::ranges::find(resources_, State::kWaiting, &Resource::state) != resources_.end();
}

bool ResourceGroup::wants_down() const {
  return view_.role == ResourceView::Role::kOther || leaving_ || failure() != nullptr;
}

ResourceGroup::Time ResourceGroup::lease_end() const {
  const milliseconds peers = view_.peer_stop_time.count() != 0 ? view_.peer_stop_time : stop_time();
  const Time since = view_.peer == ResourceView::Peer::kGone ? std::max(master_since_, gone_since_)
                                                             : master_since_;
  return since + peers + kLeaseMargin;
}

bool ResourceGroup::may_start(const Resource& resource) const {
  switch (resource.config.peer_confirmation) {
    case config::PeerConfirmation::kNone:
      return true;
    case config::PeerConfirmation::kLease:
      return confirmed_ || lease_over_;
    case config::PeerConfirmation::kRequired:
      return confirmed_;
  }
  return false;
}

// ---- what runs

void ResourceGroup::begin(Resource& resource, ResourceStep step, Time now) {
  cancel(resource);
  resource.run = ++runs_;
  resource.step = step;
  resource.run_until = now + limit_of(resource.config, step) + kReapTime;
  if (step == ResourceStep::kStart) resource.state = State::kStarting;
  if (step == ResourceStep::kStop) resource.state = State::kStopping;
  if (step != ResourceStep::kMonitor) resource.fresh = false;
  actions_.push_back({ResourceAction::Kind::kRun, resource.config, resource.run, step});
}

void ResourceGroup::cancel(Resource& resource) {
  if (resource.run == 0) return;
  actions_.push_back({ResourceAction::Kind::kCancel, resource.config, resource.run, resource.step});
  resource.run = 0;
}

void ResourceGroup::note(const Resource& resource, ResourceEvent event, std::string text) {
  actions_.push_back(
      {ResourceAction::Kind::kReport, resource.config, 0, resource.step, event, std::move(text)});
}

void ResourceGroup::end(Resource& resource, const std::string& error, Time now) {
  resource.run = 0;
  resource.last = Result{resource.step, error, now};
  switch (resource.step) {
    case ResourceStep::kStart:
      return end_start(resource, error, now);
    case ResourceStep::kStop:
      return end_stop(resource, error, now);
    case ResourceStep::kMonitor:
      return end_monitor(resource, error, now);
  }
}

void ResourceGroup::end_start(Resource& resource, const std::string& error, Time now) {
  if (!error.empty()) {
    resource.state = State::kUnknown;
    return fail(resource, "start: " + error, now);
  }
  resource.state = State::kRunning;
  resource.monitor_at = now + resource.config.monitor_interval;
  if (std::exchange(resource.reports_recovery, false)) {
    note(resource, ResourceEvent::kRecovered, resource.failure);
  } else if (!resource.restart_reason.empty()) {
    note(resource, ResourceEvent::kRestarted, resource.restart_reason);
  } else {
    note(resource, ResourceEvent::kStarted);
  }
  resource.restart_reason.clear();
}

void ResourceGroup::end_stop(Resource& resource, const std::string& error, Time now) {
  if (error.empty()) {
    resource.state = State::kStopped;
    if (resource.next) resource.config = *std::exchange(resource.next, std::nullopt);
    if (std::exchange(resource.stop_failure_reported, false)) {
      note(resource, ResourceEvent::kStopRecovered);
    } else if (resource.restart_reason.empty()) {
      note(resource, ResourceEvent::kStopped);
    }
    return;
  }
  resource.state = State::kStopFailed;
  resource.stop_again_at = now + kStopAgain;
  if (std::exchange(resource.stop_failure_reported, true)) return;
  note(resource, ResourceEvent::kStopFailed, "stop: " + error);
}

void ResourceGroup::end_monitor(Resource& resource, const std::string& error, Time now) {
  resource.monitor_at = now + resource.config.monitor_interval;
  if (resource.state == State::kUnknown) {
    if (error.empty()) {
      resource.state = State::kRunning;
      // No other director has been master since it was started.
      confirmed_ = true;
      note(resource, ResourceEvent::kAdopted);
    }
    resource.fresh = false;
    return;
  }
  if (error.empty()) return;
  const config::HaResource& config = resource.config;
  auto& restarts = resource.restarts;
  while (!restarts.empty() && restarts.front() + config.restart_window <= now) restarts.pop_front();
  resource.state = State::kUnknown;
  if (restarts.size() >= config.restart_limit) {
    return fail(resource,
                restarts.empty() ? "monitor: " + error
                                 : fmt::format("monitor: {}; restart_limit = {} is reached", error,
                                               config.restart_limit),
                now);
  }
  restarts.push_back(now);
  resource.restart_count += 1;
  resource.restart_reason = "monitor: " + error;
}

void ResourceGroup::fail(Resource& resource, std::string why, Time now) {
  resource.failed = true;
  resource.failed_at = now;
  resource.reports_recovery = true;
  resource.restart_reason.clear();
  resource.failure = std::move(why);
  note(resource, ResourceEvent::kFailed, resource.failure);
}

void ResourceGroup::forget_failure(Resource& resource) {
  resource.failed = false;
  resource.restarts.clear();
}

// ---- what comes next

ResourceActions ResourceGroup::proceed(Time now) {
  std::erase_if(resources_, [](const Resource& each) {
    return each.removed && each.run == 0 && each.state == State::kStopped;
  });
  if (!is_changing()) stop_again(now);
  if (wants_up()) {
    look_at_peer(now);
    go_up(now);
    monitor_running(now);
  } else if (wants_down()) {
    go_down(now);
  } else if (!is_changing()) {
    stop_one(true, now);
  }
  return std::exchange(actions_, {});
}

void ResourceGroup::look_at_peer(Time now) {
  using Peer = ResourceView::Peer;
  if (view_.peer == Peer::kStopped) confirmed_ = true;
  if (now < lease_end()) return;
  if (view_.peer == Peer::kGone) lease_over_ = true;
  for (const Resource& each : resources_) {
    if (each.state != State::kWaiting || may_start(each) || waiting_reported_) continue;
    waiting_reported_ = true;
    note(each, ResourceEvent::kWaiting,
         view_.peer == Peer::kStopFailed ? "the peer could not stop its programs"
         : view_.peer == Peer::kGone     ? "nothing is received from the peer"
                                         : "the peer may be running it");
  }
}

// On the master or not: it may be running where it must not.
void ResourceGroup::stop_again(Time now) {
  const auto found = std::ranges::find_if(resources_, [now](const Resource& each) {
    return each.state == State::kStopFailed && each.stop_again_at <= now;
  });
  if (found != resources_.end()) begin(*found, ResourceStep::kStop, now);
}

// Whether a program is being started, stopped or adopted: one at a time.
bool ResourceGroup::is_changing() const {
  return std::ranges::any_of(resources_, [](const Resource& each) {
    return each.run != 0 && each.state != State::kRunning;
  });
}

void ResourceGroup::go_up(Time now) {
  if (is_changing() || stop_one(true, now)) return;
  const auto found = std::ranges::find_if(
      resources_, [](const Resource& each) { return each.state != State::kRunning; });
  if (found == resources_.end()) return;
  if (found->state == State::kUnknown) {
    begin(*found, found->fresh ? ResourceStep::kMonitor : ResourceStep::kStop, now);
  } else if (found->state != State::kStopFailed && !found->failed) {
    if (may_start(*found)) {
      begin(*found, ResourceStep::kStart, now);
    } else {
      found->state = State::kWaiting;
    }
  }
}

void ResourceGroup::monitor_running(Time now) {
  for (Resource& each : resources_) {
    if (each.state == State::kRunning && each.run == 0 && each.monitor_at <= now) {
      begin(each, ResourceStep::kMonitor, now);
    }
  }
}

void ResourceGroup::go_down(Time now) {
  for (Resource& each : resources_) {
    each.restart_reason.clear();
    if (each.run != 0 && each.step != ResourceStep::kStop) {
      cancel(each);
      if (each.state == State::kStarting) each.state = State::kUnknown;
    }
    if (each.state == State::kWaiting) each.state = State::kStopped;
  }
  if (!is_changing()) stop_one(false, now);
}

// The last one in the order that has to be stopped. False: there is none.
bool ResourceGroup::stop_one(bool only_removed, Time now) {
  for (auto each = resources_.rbegin(); each != resources_.rend(); ++each) {
    if (each->state == State::kStopped || (only_removed && !each->removed)) continue;
    if (each->state == State::kStopFailed) continue;  // stop_again()
    begin(*each, ResourceStep::kStop, now);
    return true;
  }
  return false;
}

}  // namespace lb::controlplane
