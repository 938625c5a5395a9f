#include "controlplane/failover/tracks.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <utility>

#include "config/base/log_limit.h"
#include "controlplane/os/process.h"

namespace lb::controlplane {
namespace {

constexpr int kLowest = 1;
constexpr int kHighest = 254;

std::string name_of(const config::HaTrack& track) {
  if (!track.interface.empty()) return "interface " + track.interface;
  if (!track.service.empty()) return "service " + track.service;
  return "script " + track.script;
}

}  // namespace

TrackResult evaluate_tracks(const config::HaInstance& instance,
                            const std::function<bool(const config::HaTrack&)>& failing) {
  TrackResult out;
  int priority = instance.priority;
  for (const config::HaTrack& track : instance.tracks) {
    Term term{name_of(track), failing(track), track.weight, 0};
    if (track.weight == 0) {
      if (term.failing && out.fault.empty()) out.fault = term.what + " fails";
    } else if ((track.weight < 0) == term.failing) {
      term.adds = track.weight;
    }
    priority += term.adds;
    out.terms.push_back(std::move(term));
  }
  out.priority = instance.priority == config::kOwnerPriority
                     ? config::kOwnerPriority
                     : static_cast<std::uint8_t>(std::clamp(priority, kLowest, kHighest));
  return out;
}

struct Scripts::Impl : std::enable_shared_from_this<Impl> {
  struct Script {
    Script(boost::asio::io_context& io, config::HaScript c) : config(std::move(c)), timer(io) {}
    config::HaScript config;
    boost::asio::steady_timer timer;
    bool failing = true;
    bool ran = false;
    std::uint32_t in_a_row = 0;  // results against the present state
    LogLimit limit{10};
  };

  void run(Script& script);
  void ended(Script& script, const ProcessResult& result);

  boost::asio::io_context* io = nullptr;
  std::map<std::string, Script> scripts;
  std::function<void()> on_change;
  bool stopped = false;
};

// The interval is from start to start, unless the script takes longer.
void Scripts::Impl::run(Script& script) {
  script.timer.expires_after(script.config.interval);
  run_process(*io, {script.config.command, {}, config::script_user(script.config.user)},
              script.config.timeout,
              [weak = weak_from_this(), &script](const ProcessResult& result) {
                const auto self = weak.lock();
                if (self && !self->stopped) self->ended(script, result);
              });
}

void Scripts::Impl::ended(Script& script, const ProcessResult& result) {
  const bool first = !std::exchange(script.ran, true);
  script.in_a_row = result.good == script.failing ? script.in_a_row + 1 : 0;
  const std::uint32_t needed = script.failing ? script.config.rise : script.config.fall;
  if (script.in_a_row >= needed) {
    script.failing = !result.good;
    script.in_a_row = 0;
    if (result.good) {
      script.limit.write(log::Level::kInfo, "", "", "script {}: succeeds", script.config.name);
    } else {
      script.limit.write(log::Level::kWarning, "", "", "script {}: fails: {}", script.config.name,
                         result.error);
    }
    on_change();
  } else if (first && !result.good) {
    log::warning("script {}: fails: {}", script.config.name, result.error);
  }
  script.timer.async_wait([weak = weak_from_this(), &script](const boost::system::error_code& e) {
    const auto self = weak.lock();
    if (self && !e && !self->stopped) self->run(script);
  });
}

Scripts::Scripts(boost::asio::io_context& io, const std::vector<config::HaScript>& scripts,
                 std::function<void()> on_change)
    : impl_(std::make_shared<Impl>()) {
  impl_->io = &io;
  impl_->on_change = std::move(on_change);
  for (const config::HaScript& script : scripts) {
    impl_->scripts.try_emplace(script.name, io, script);
  }
}

Scripts::~Scripts() {
  stop();
}

void Scripts::start() {
  for (auto& [name, script] : impl_->scripts) impl_->run(script);
}

void Scripts::stop() {
  impl_->stopped = true;
  for (auto& [name, script] : impl_->scripts) script.timer.cancel();
}

bool Scripts::failing(const std::string& name) const {
  const auto found = impl_->scripts.find(name);
  return found != impl_->scripts.end() && found->second.failing;
}

}  // namespace lb::controlplane
