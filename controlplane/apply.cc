#include "controlplane/apply.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "config/base/log.h"
#include "config/words.h"
#include "controlplane/alert/alerts.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/check_status.h"
#include "controlplane/dataplane_client.h"
#include "controlplane/failover/failover.h"
#include "controlplane/failover/notifier.h"
#include "controlplane/health/checker.h"
#include "controlplane/interfaces.h"
#include "controlplane/netlink/monitor.h"
#include "controlplane/next_hops.h"
#include "controlplane/service_manager.h"
#include "controlplane/snapshot_builder.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb::controlplane {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kAtOnce{0};  // still one snapshot for all that happens in this turn
constexpr milliseconds kDebounce{10};
// The data plane refused a snapshot: perhaps for want of memory, which may end.
constexpr milliseconds kAfterRefusal{5'000};
// How long checks wait for the kernel interfaces when a data plane has come. A port that never gets
// one must not keep the servers behind the others unchecked.
constexpr milliseconds kInterfacesDue{3'000};
// Ready, as far as the service manager is concerned, even without a data plane.
constexpr milliseconds kReadyAnyway{5'000};
// Between two looks for servers whose first check was bad.
constexpr milliseconds kFirstResults{1'000};

std::string to_bytes(Ipv4Address address) {
  return {reinterpret_cast<const char*>(&address.be.raw), sizeof address.be.raw};
}

health::Target target_of(const config::Service& service, const config::RealServer& server) {
  return {service.name, service.address, server.address, service.check, service.agent};
}

// In place: Failover holds pointers to the HA instances, which are the same ones in both, by name.
void replace(config::Config& running, config::Config next) {
  for (config::HaInstance& instance : running.ha.instances) {
    const auto it = std::ranges::find(next.ha.instances, instance.name, &config::HaInstance::name);
    if (it != next.ha.instances.end()) instance = std::move(*it);
  }
  std::swap(running.ha.instances, next.ha.instances);
  running = std::move(next);
}

}  // namespace

class Applier::Impl {
 public:
  Impl(boost::asio::io_context& io_context, config::Config c)
      : io(io_context),
        config(std::move(c)),
        interface_list(interfaces_of(config)),
        push_timer(io_context),
        checks_timer(io_context),
        ready_timer(io_context),
        first_results_timer(io_context) {}

  Result<void> start();
  void leave(std::function<void()> done);
  void stop();
  void configure(config::Config next, std::function<void(Result<void>)> done);
  Result<std::string> ha_command(const api::control::HaCommand& command);
  Result<void> alert(const api::control::AlertRequest& request, api::control::AlertStatus& status);
  void fill_status(api::control::Status& status) const;
  void fill_checks(api::control::Status& status) const;

 private:
  Result<void> start_failover();
  bool has_server_up(const std::string& service) const;
  bool all_servers_checked();
  void on_kernel_change(const netlink::Changes& changes);
  void on_connected(const api::Snapshot& running);
  void on_disconnected();
  void on_applied();
  void on_refused(const std::string& why);
  void on_health_change(const health::Target& target, const health::State& state);
  void tell_first_results();
  void follow_servers(const std::map<RealServerKey, RealServerState>& known);
  std::map<RealServerKey, RealServerState> drop_servers(const config::Config& next);
  void end_change(const Result<void>& result);
  void start_checks_when_due(bool due);
  void rest_cut_off_checks();
  bool is_cut_off(Ipv4Address server) const;
  void push_within(milliseconds delay);
  void push();
  RealServerState state_of(const config::Service& service, const config::RealServer& server) const;
  void warn_of_gateway(const config::Service& service, Ipv4Address server);
  void become_ready();
  void tell_status() const;

  boost::asio::io_context& io;
  config::Config config;  // Failover keeps pointers to its HA instances
  std::vector<Interface> interface_list;
  const Clock::time_point started = Clock::now();

  std::optional<netlink::Requests> requests;
  std::optional<netlink::Monitor> monitor;
  std::optional<Interfaces> interfaces;
  std::optional<NextHops> next_hops;
  std::optional<health::Checker> checker;
  std::optional<DataplaneClient> dataplane;
  std::optional<Failover> failover;
  std::optional<Alerts> alerts;
  std::set<Ipv4Address> standby;  // VIPs of which another director is master

  boost::asio::steady_timer push_timer;
  std::optional<Clock::time_point> push_due;
  boost::asio::steady_timer checks_timer;
  boost::asio::steady_timer ready_timer;
  boost::asio::steady_timer first_results_timer;
  bool following = false;  // the servers are known to checker and next_hops
  bool checking = false;
  bool ready = false;
  bool all_checked = false;                    // every real server, at least once
  std::function<void(Result<void>)> changing;  // to be told how the new configuration was taken
  std::string last_refusal;
  std::size_t servers = 0;  // in the last snapshot
  std::size_t servers_up = 0;
  std::set<Ipv4Address> behind_gateway;  // that must not be, and are complained of
};

Result<void> Applier::Impl::start() {
  auto opened = netlink::Requests::open();
  if (!opened) return tl::make_unexpected(opened.error());
  requests.emplace(std::move(*opened));
  monitor.emplace(io, *requests, [this](const auto& changes) { on_kernel_change(changes); });
  if (auto result = monitor->start(); !result) return result;

  alerts.emplace(io, config);
  interfaces.emplace(io, *requests, monitor->state(), config);
  next_hops.emplace(io, *requests, monitor->state(), interface_list,
                    [this] { push_within(kDebounce); });
  checker.emplace(
      io, [this](const auto& target, const auto& state) { on_health_change(target, state); });
  checker->set_on_weight([this](const auto& target, const auto& state) {
    log::info("{}: real server {} has another weight: {}", target.service,
              target.address.to_string(),
              state.agent_result.empty() ? state.last_result : "agent " + state.agent_result);
    push_within(kDebounce);
  });
  dataplane.emplace(
      io, config.director.run_dir + "/dataplane.sock",
      DataplaneClient::Events{
          .connected = [this](const api::Snapshot& running) { on_connected(running); },
          .disconnected = [this] { on_disconnected(); },
          .applied = [this](std::uint64_t) { on_applied(); },
          .refused = [this](const std::string& why) { on_refused(why); }});
  if (auto result = start_failover(); !result) return result;
  dataplane->start();
  notify_status("waiting for the data plane");
  ready_timer.expires_after(kReadyAnyway);
  ready_timer.async_wait([this](boost::system::error_code error) {
    if (error) return;
    if (!dataplane->connected())
      alerts->dataplane(false, "it has not been reached since the start");
    become_ready();
  });
  return {};
}

Result<void> Applier::Impl::start_failover() {
  if (config.ha.instances.empty()) return {};
  failover.emplace(
      io, config, monitor->state(),
      Failover::Host{
          .set_vips =
              [this](std::vector<Vip> up, std::vector<Vip> undecided) {
                interfaces->set_ha_vips(std::move(up), std::move(undecided));
              },
          .announce = [this](const Vip& vip) { interfaces->announce(vip); },
          .set_standby =
              [this](std::set<Ipv4Address> vips) {
                if (standby == vips) return;
                standby = std::move(vips);
                push_within(kAtOnce);
              },
          .has_server_up = [this](const std::string& service) { return has_server_up(service); },
          .all_servers_checked = [this] { return all_servers_checked(); },
          .transition =
              [this](const HaEvent& event) {
                alerts->ha(event.instance, event.from, event.to, event.reason);
              },
          .sync_link = [this](bool up, const std::string& why) { alerts->sync_link(up, why); }});
  return failover->start();
}

bool Applier::Impl::has_server_up(const std::string& name) const {
  return std::ranges::any_of(config.services, [&](const config::Service& service) {
    return service.name == name &&
           std::ranges::any_of(service.real_servers, [&](const config::RealServer& server) {
             return checker->state(target_of(service, server)).up;
           });
  });
}

// A bad first result is no transition; what hangs on it is sent when all have come.
bool Applier::Impl::all_servers_checked() {
  if (all_checked) return true;
  all_checked =
      following && std::ranges::all_of(config.services, [&](const config::Service& each) {
        return std::ranges::all_of(each.real_servers, [&](const config::RealServer& server) {
          return !state_of(each, server).unchecked;
        });
      });
  if (all_checked) push_within(kAtOnce);
  return all_checked;
}

void Applier::Impl::leave(std::function<void()> done) {
  const auto tell = [this, done = std::move(done)] { alerts->leave(done); };
  if (!failover) return tell();
  failover->leave(tell);
}

Result<void> Applier::Impl::alert(const api::control::AlertRequest& request,
                                  api::control::AlertStatus& status) {
  return alerts->answer(request, status);
}

Result<std::string> Applier::Impl::ha_command(const api::control::HaCommand& command) {
  if (!failover) return fail("no [[ha.instance]] is configured");
  return failover->command(command);
}

void Applier::Impl::stop() {
  notify_stopping();
  push_timer.cancel();
  checks_timer.cancel();
  ready_timer.cancel();
  first_results_timer.cancel();
  if (dataplane) dataplane->stop();
  if (checker) checker->stop();
  if (interfaces) interfaces->withdraw_vips();
}

void Applier::Impl::configure(config::Config next, std::function<void(Result<void>)> done) {
  end_change(fail("another change of the configuration came in between"));
  const auto known = drop_servers(next);
  replace(config, std::move(next));
  interface_list = interfaces_of(config);
  interfaces->configure(config);
  next_hops->set_interfaces(interface_list);
  alerts->set_config(config);
  if (following) follow_servers(known);
  rest_cut_off_checks();
  if (checking) tell_first_results();
  if (failover) failover->configure();
  changing = std::move(done);
  push();
  if (!dataplane->connected() || dataplane->up_to_date()) end_change({});
}

// Takes out what `next` has no more, or checks in another way. Returns what is known of the servers
// that are: a service with another name or check goes on with it.
std::map<RealServerKey, RealServerState> Applier::Impl::drop_servers(const config::Config& next) {
  std::map<RealServerKey, RealServerState> known;
  std::map<RealServerKey, health::Target> wanted;
  std::set<Ipv4Address> destinations;
  for (const config::Service& service : next.services) {
    for (const config::RealServer& server : service.real_servers) {
      wanted.emplace(key_of(service, server), target_of(service, server));
      destinations.insert(server.address.address);
    }
  }
  for (const config::Service& service : config.services) {
    for (const config::RealServer& server : service.real_servers) {
      const RealServerState state = state_of(service, server);
      if (following && !state.unchecked) known.emplace(key_of(service, server), state);
      const health::Target target = target_of(service, server);
      const auto kept = wanted.find(key_of(service, server));
      if (kept == wanted.end() || kept->second.service != target.service ||
          kept->second.check != target.check || kept->second.agent != target.agent) {
        checker->remove(target);
      }
      if (!destinations.contains(server.address.address)) {
        next_hops->remove(server.address.address);
      }
    }
  }
  return known;
}

void Applier::Impl::end_change(const Result<void>& result) {
  if (const auto call = std::exchange(changing, nullptr)) call(result);
}

void Applier::Impl::on_kernel_change(const netlink::Changes& changes) {
  interfaces->on_change(changes);
  next_hops->on_change(changes);
  if (failover) failover->look();
  rest_cut_off_checks();
  start_checks_when_due(false);
}

void Applier::Impl::rest_cut_off_checks() {
  checker->leave_alone([this](Ipv4Address server) { return is_cut_off(server); },
                       "not checked: its port has no link");
}

// A port without link says nothing about the servers behind it. A standby that held them for dead
// would reset all their connections when it takes over after its own fault.
bool Applier::Impl::is_cut_off(Ipv4Address server) const {
  const auto via = next_hops->table().route(server);
  const netlink::Link* const link = via ? monitor->state().link(via->port) : nullptr;
  return link != nullptr && !link->running;
}

void Applier::Impl::on_connected(const api::Snapshot& running) {
  alerts->dataplane(true, "");
  if (!std::exchange(following, true)) follow_servers(read_snapshot(running));
  push();
  checks_timer.expires_after(kInterfacesDue);
  checks_timer.async_wait([this](boost::system::error_code error) {
    if (!error) start_checks_when_due(true);
  });
  start_checks_when_due(false);
}

// Without the data plane no packet of ours reaches a server: its silence says nothing about it.
void Applier::Impl::on_disconnected() {
  alerts->dataplane(false, "it stopped or does not answer; no check runs until it is back");
  checks_timer.cancel();
  checking = false;
  checker->stop();
  if (failover) failover->set_dataplane_ready(false);
  end_change({});
  tell_status();
}

// Takes over what a data plane that is older than this process runs; one that is new runs nothing.
// A server that is followed already stays as it is.
void Applier::Impl::follow_servers(const std::map<RealServerKey, RealServerState>& known_servers) {
  for (const config::Service& service : config.services) {
    for (const config::RealServer& server : service.real_servers) {
      const auto it = known_servers.find(key_of(service, server));
      const bool known = it != known_servers.end();
      next_hops->add(server.address.address, known ? it->second.next_hop : std::nullopt);
      checker->add(target_of(service, server), known ? std::optional(it->second.up) : std::nullopt);
      if (known && !it->second.unchecked)
        alerts->know_server(service.name, server.address, it->second.up);
    }
  }
}

// A server that is dead from the start never has a transition: those are looked for until all are
// known.
void Applier::Impl::tell_first_results() {
  bool all_known = true;
  for (const config::Service& service : config.services) {
    for (const config::RealServer& server : service.real_servers) {
      const health::State state = checker->state(target_of(service, server));
      all_known &= state.up || state.fall_count > 0;
      if (state.up || state.fall_count == 0) continue;
      alerts->server(service.name, server.address, false, state.last_result);
    }
  }
  if (all_known) return;
  first_results_timer.expires_after(kFirstResults);
  first_results_timer.async_wait([this](boost::system::error_code error) {
    if (!error) tell_first_results();
  });
}

void Applier::Impl::start_checks_when_due(bool due) {
  if (checking || !dataplane->connected() || !(due || interfaces->complete())) return;
  checking = true;
  checks_timer.cancel();
  checker->start();
  tell_first_results();
}

void Applier::Impl::on_health_change(const health::Target& target, const health::State& state) {
  if (state.up) {
    log::info("{}: real server {} up: {}", target.service, target.address.to_string(),
              state.last_result);
  } else {
    log::warning("{}: real server {} down: {} after {} failure{}", target.service,
                 target.address.to_string(), state.last_result, state.fall_count,
                 state.fall_count == 1 ? "" : "s");
    next_hops->doubt(target.address.address);
  }
  alerts->server(target.service, target.address, state.up, state.last_result);
  push_within(state.up ? kDebounce : kAtOnce);
  if (failover) failover->look();
}

void Applier::Impl::push_within(milliseconds delay) {
  const auto due = Clock::now() + delay;
  if (push_due && *push_due <= due) return;
  push_due = due;
  push_timer.expires_at(due);
  push_timer.async_wait([this](boost::system::error_code error) {
    if (error) return;
    push_due.reset();
    push();
  });
}

void Applier::Impl::push() {
  if (!following || !dataplane->connected()) return;
  servers = servers_up = 0;
  api::Snapshot snapshot;
  build_snapshot(
      config, standby,
      [this](const config::Service& service, const config::RealServer& server) {
        const RealServerState state = state_of(service, server);
        servers += 1;
        servers_up += state.up ? 1 : 0;
        warn_of_gateway(service, server.address.address);
        return state;
      },
      snapshot);
  dataplane->push(snapshot);
  tell_status();
}

void Applier::Impl::warn_of_gateway(const config::Service& service, Ipv4Address server) {
  if (service.mode == config::Mode::kNat) return;
  if (next_hops->table().direct(server)) {
    behind_gateway.erase(server);
  } else if (behind_gateway.insert(server).second) {
    log::error(
        "{}: real server {} is behind gateway {}; mode \"dr\" needs it on a subnet of the director",
        service.name, server.to_string(), next_hops->table().route(server)->address.to_string());
  }
}

RealServerState Applier::Impl::state_of(const config::Service& service,
                                        const config::RealServer& server) const {
  RealServerState state;
  const health::State health = checker->state(target_of(service, server));
  state.up = health.up;
  state.weight = health.weight_of(server.weight);
  state.unchecked = !health.up && health.last_result.empty();
  const Ipv4Address address = server.address.address;
  // Direct routing rewrites MACs only: a gateway would send the VIP's packets back to us.
  if (service.mode == config::Mode::kNat || next_hops->table().direct(address)) {
    state.next_hop = next_hops->table().find(address);
  }
  return state;
}

void Applier::Impl::on_applied() {
  if (failover) failover->set_dataplane_ready(true);
  last_refusal.clear();
  become_ready();
  if (dataplane->up_to_date()) end_change({});
}

void Applier::Impl::on_refused(const std::string& why) {
  if (last_refusal != why) log::error("the data plane refused the configuration: {}", why);
  last_refusal = why;
  push_within(kAfterRefusal);
  end_change(fail("the data plane refused it: " + why));
}

void Applier::Impl::become_ready() {
  ready_timer.cancel();
  if (std::exchange(ready, true)) return;
  notify_ready();
  tell_status();
}

void Applier::Impl::tell_status() const {
  notify_status(dataplane->connected() ? std::to_string(servers_up) + " of " +
                                             std::to_string(servers) + " real servers up"
                                       : "waiting for the data plane");
}

void Applier::Impl::fill_status(api::control::Status& status) const {
  const auto now = Clock::now();
  const auto ms_since = [now](Clock::time_point then) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(now - then).count());
  };
  status.set_director(config.director.name);
  status.set_uptime_ms(ms_since(started));
  status.set_dataplane_connected(dataplane->connected());
  status.set_dataplane_generation(dataplane->generation());
  for (const Interfaces::VipStatus& from : interfaces->vips()) {
    api::control::Vip& vip = *status.add_vips();
    vip.set_address(to_bytes(from.vip.prefix.address));
    vip.set_interface(from.vip.interface);
    vip.set_present(from.present);
  }
  if (failover) failover->fill_status(status);
  for (const config::Service& service : config.services) {
    for (const config::RealServer& server : service.real_servers) {
      const health::State state = checker->state(target_of(service, server));
      api::control::Target& target = *status.add_targets();
      target.set_service(service.name);
      target.set_address(to_bytes(server.address.address));
      target.set_port(server.address.port);
      target.set_up(state.up);
      target.set_since_ms(following ? ms_since(state.since) : ms_since(started));
      target.set_check(std::string(config::to_text(service.check.type)));
      target.set_last_result(state.last_result);
      target.set_rise_count(state.rise_count);
      target.set_fall_count(state.fall_count);
      target.set_next_hop_resolved(state_of(service, server).next_hop.has_value());
    }
  }
}

void Applier::Impl::fill_checks(api::control::Status& status) const {
  put_checks(*checker, status);
}

Applier::Applier(boost::asio::io_context& io, config::Config config)
    : impl_(std::make_unique<Impl>(io, std::move(config))) {}

Applier::~Applier() = default;

Result<void> Applier::start() {
  return impl_->start();
}

void Applier::configure(config::Config next, std::function<void(Result<void>)> done) {
  impl_->configure(std::move(next), std::move(done));
}

void Applier::leave(std::function<void()> done) {
  impl_->leave(std::move(done));
}

Result<std::string> Applier::ha_command(const api::control::HaCommand& command) {
  return impl_->ha_command(command);
}

Result<void> Applier::alert(const api::control::AlertRequest& request,
                            api::control::AlertStatus& status) {
  return impl_->alert(request, status);
}

void Applier::stop() {
  impl_->stop();
}

void Applier::fill_checks(api::control::Status& status) const {
  impl_->fill_checks(status);
}

void Applier::fill_status(api::control::Status& status) const {
  impl_->fill_status(status);
}

}  // namespace lb::controlplane
