#include "controlplane/servers.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <string>
#include <unordered_map>
#include <utility>

#include "config/base/log.h"
#include "controlplane/alert/alerts.h"

namespace lb::controlplane {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAtOnce{0};  // still one snapshot for all that happens in this turn
constexpr milliseconds kDebounce{10};
// Between two looks for servers whose first check was bad.
constexpr milliseconds kFirstResults{1'000};

health::Target target_of(const config::Service& service, const config::RealServer& server) {
  return {service.name, service.primary_endpoint(), server.address, service.check_of(server),
          service.agent};
}

}  // namespace

Servers::Servers(boost::asio::io_context& io, netlink::Requests& requests,
                 const netlink::State& state, config::ConfigPtr config, ServiceStates& decisions,
                 Alerts& alerts, Events events)
    : state_(state),
      config_(std::move(config)),
      decisions_(decisions),
      alerts_(alerts),
      events_(std::move(events)),
      interfaces_(interfaces_of(*config_)),
      next_hops_(io, requests, state, interfaces_, [this] { events_.changed(kDebounce); }),
      checker_(
          io, [this](const auto& target, const auto& result) { on_health_change(target, result); }),
      history_(io, config_->director.state_dir + "/health.json",
               [this] { return states_of_targets(); }),
      panic_(io, *config_, alerts,
             {.held = [this] { return held(); },
              .ask = [this](const auto& keys,
                            auto done) { return events_.ask_peer(keys, std::move(done)); },
              .changed = [this] { on_panic_change(); }}),
      first_results_timer_(io) {
  checker_.set_on_weight([this](const auto& target, const auto& result) {
    log::info("{}: real server {} has another weight: {}", target.service,
              target.address.to_string(),
              result.agent_result.empty() ? result.last_result : "agent " + result.agent_result);
    // One that the panic guard holds, and that its agent takes out or gives back.
    if (!result.up && result.fall_count > 0) {
      alerts_.server(target.service, target.address, panic_.holds(result), result.last_result);
    }
    events_.changed(kDebounce);
  });
}

void Servers::follow(const SnapshotSpec& running) {
  if (std::exchange(following_, true)) return;
  const Known known = read_snapshot(running);
  add(known);
  remember(known);
}

// What the file tells of targets that are configured no more is forgotten.
void Servers::remember(const Known& known) {
  const Pasts pasts = history_.load();
  for (const config::Service& service : config_->services) {
    for (const config::RealServer& server : service.real_servers) {
      const health::Target target = target_of(service, server);
      const auto past = pasts.find({target.service, target.vip, target.address});
      if (past == pasts.end()) continue;
      const auto before = known.find(key_of(service, server.address));
      checker_.remember(target, past->second, before != known.end() && !before->second.unchecked);
    }
  }
}

std::vector<TargetState> Servers::states_of_targets() const {
  std::vector<TargetState> states;
  for (const config::Service& service : config_->services) {
    for (const config::RealServer& server : service.real_servers) {
      states.push_back({target_of(service, server), check_of(service, server)});
    }
  }
  return states;
}

Servers::Known Servers::drop(const config::Config& next) {
  Known known;
  std::map<RealServerKey, health::Target> wanted;
  std::set<Ipv4Address> destinations;
  for (const config::Service& service : next.services) {
    for (const config::RealServer& server : service.real_servers) {
      wanted.emplace(key_of(service, server.address), target_of(service, server));
      destinations.insert(server.address.address);
    }
    if (service.sorry_server) destinations.insert(service.sorry_server->address.address);
  }
  for (const config::Service& service : config_->services) {
    for (const config::RealServer& server : service.real_servers) {
      const RealServerKey key = key_of(service, server.address);
      if (following_ && !health_of(service, server).unchecked) {
        known.emplace(key, state_of(service, server));
      }
      const health::Target target = target_of(service, server);
      const auto kept = wanted.find(key);
      if (kept == wanted.end() || kept->second.service != target.service ||
          kept->second.check != target.check || kept->second.agent != target.agent) {
        const health::State state = check_of(service, server);
        checker_.remove(target);
        held_.erase(state.target);
        panic_.forget(state);
      }
      if (!destinations.contains(server.address.address)) {
        next_hops_.remove(server.address.address);
      }
    }
    if (!service.sorry_server) continue;
    const Ipv4Endpoint sorry = service.sorry_server->address;
    if (in_effect(service).sorry.up) known[key_of(service, sorry)] = in_effect(service).sorry;
    if (!destinations.contains(sorry.address)) next_hops_.remove(sorry.address);
  }
  return known;
}

void Servers::configure(config::ConfigPtr config, const Known& known) {
  config_ = std::move(config);
  if (auto interfaces = interfaces_of(*config_); interfaces != interfaces_) {
    interfaces_ = std::move(interfaces);
    next_hops_.set_interfaces(interfaces_);
  }
  panic_.configure(*config_);
  if (following_) add(known);
  rest_cut_off_checks();
  if (checking_) tell_first_results();
}

// One that is followed already stays as it is.
void Servers::add(const Known& known) {
  for (const config::Service& service : config_->services) {
    for (const config::RealServer& server : service.real_servers) {
      const auto it = known.find(key_of(service, server.address));
      if (it == known.end()) {
        next_hops_.add(server.address.address, std::nullopt);
        checker_.add(target_of(service, server), std::nullopt);
        continue;
      }
      const RealServerState& before = it->second;
      const bool healthy = before.healthy.value_or(before.up);
      next_hops_.add(server.address.address, before.next_hop);
      checker_.add(target_of(service, server), healthy);
      if (healthy) panic_.know(target_of(service, server), check_of(service, server));
      if (!before.unchecked) alerts_.know_server(service.name, server.address, healthy);
    }
    add_sorry_server(service, known);
  }
}

void Servers::add_sorry_server(const config::Service& service, const Known& known) {
  const bool ran = std::ranges::any_of(service.real_servers, [&](const auto& server) {
    return known.contains(key_of(service, server.address));
  });
  bool in_use = false;
  if (service.sorry_server) {
    const Ipv4Endpoint address = service.sorry_server->address;
    const auto it = known.find(key_of(service, address));
    in_use = it != known.end() && it->second.up;
    next_hops_.add(address.address, it != known.end() ? it->second.next_hop : std::nullopt);
  }
  if (ran) decisions_.adopt(service, in_use);
}

void Servers::start_checks() {
  checking_ = true;
  checker_.start();
  tell_first_results();
}

void Servers::stop_checks() {
  checking_ = false;
  first_results_timer_.cancel();
  checker_.stop();
  if (following_) history_.write();
}

void Servers::on_kernel_change(const netlink::Changes& changes) {
  next_hops_.on_change(changes);
  rest_cut_off_checks();
}

void Servers::rest_cut_off_checks() {
  checker_.leave_alone([this](Ipv4Address server) { return is_cut_off(server); },
                       "not checked: its port has no link");
}

// A standby that held the servers behind a port without link for dead would reset all their
// connections when it takes over after its own fault.
bool Servers::is_cut_off(Ipv4Address server) const {
  const auto via = next_hops_.table().route(server);
  const netlink::Link* const link = via ? state_.link(via->port) : nullptr;
  return link != nullptr && !link->running;
}

// A server that is dead from the start never has a transition: those are looked for until all are
// known.
void Servers::tell_first_results() {
  bool all_known = true;
  for (const config::Service& service : config_->services) {
    for (const config::RealServer& server : service.real_servers) {
      const health::State state = check_of(service, server);
      all_known &= state.up || state.fall_count > 0;
      if (health_of(service, server).up || state.fall_count == 0) continue;
      alerts_.server(service.name, server.address, false, state.last_result);
    }
  }
  if (all_known) return;
  first_results_timer_.expires_after(kFirstResults);
  first_results_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) tell_first_results();
  });
}

void Servers::on_health_change(const health::Target& target, const health::State& state) {
  // Not to be called back in service when it is the one by which the guard trips.
  if (!state.up) held_.insert(state.target);
  panic_.know(target, state);
  const bool held = panic_.holds(state);
  if (!held) held_.erase(state.target);
  if (state.up) {
    log::info("{}: real server {} up: {}", target.service, target.address.to_string(),
              state.last_result);
  } else {
    log::warning("{}: real server {} {}: {} after {} failure{}", target.service,
                 target.address.to_string(), held ? "held in service" : "down", state.last_result,
                 state.fall_count, state.fall_count == 1 ? "" : "s");
    next_hops_.doubt(target.address.address);
  }
  alerts_.server(target.service, target.address, state.up || held, state.last_result);
  history_.changed();
  events_.changed(state.up ? kDebounce : kAtOnce);
  events_.transition();
}

std::vector<Panic::Held> Servers::held() const {
  std::vector<Panic::Held> all;
  for (const config::Service& service : config_->services) {
    for (const config::RealServer& server : service.real_servers) {
      const health::State state = check_of(service, server);
      if (panic_.holds(state)) {
        all.push_back({state.target, {sync::key_of(service), server.address}});
      }
    }
  }
  return all;
}

void Servers::on_panic_change() {
  for (const config::Service& service : config_->services) {
    for (const config::RealServer& server : service.real_servers) {
      const health::State state = check_of(service, server);
      if (state.last_result.empty()) continue;
      const bool held = panic_.holds(state);
      if (held && held_.insert(state.target).second) {
        log::info("{}: real server {} back in service: {}", service.name,
                  server.address.to_string(), panic_.why());
      } else if (!held && held_.erase(state.target) > 0 && !state.up) {
        log::warning("{}: real server {} down: {}, held no more", service.name,
                     server.address.to_string(), state.last_result);
      }
      alerts_.server(service.name, server.address, state.up || held,
                     held ? panic_.why() : state.last_result);
    }
  }
  events_.changed(kAtOnce);
}

sync::CheckWord Servers::word_on(const config::Service& service,
                                 const config::RealServer& server) const {
  const health::State state = check_of(service, server);
  if (service.check.type == config::CheckType::kNone || is_cut_off(server.address.address)) {
    return sync::CheckWord::kUnknown;
  }
  if (state.passes && state.rise_count > 0) return sync::CheckWord::kUp;
  if (!state.passes && state.fall_count > 0) return sync::CheckWord::kDown;
  return sync::CheckWord::kUnknown;
}

sync::CheckWords Servers::words_on(const sync::CheckKeys& keys) {
  sync::CheckWords words(keys.size(), sync::CheckWord::kUnknown);
  if (!checking_) return words;
  std::unordered_map<std::string, const config::Service*> services;
  for (const config::Service& service : config_->services) {
    services.emplace(sync::key_of(service), &service);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto service = services.find(keys[i].service);
    if (service == services.end()) continue;
    const auto& servers = service->second->real_servers;
    const auto server = std::ranges::find(servers, keys[i].server, &config::RealServer::address);
    if (server != servers.end()) words[i] = word_on(*service->second, *server);
  }
  return words;
}

bool Servers::has_one_up(const std::string& name) const {
  return std::ranges::any_of(config_->services, [&](const config::Service& service) {
    return service.name == name &&
           std::ranges::any_of(service.real_servers, [&](const config::RealServer& server) {
             return check_of(service, server).up &&
                    decisions_.of(service, server).duty == Duty::kReady;
           });
  });
}

// A bad first result is no transition; what hangs on it is sent when all have come.
bool Servers::all_checked() {
  if (all_checked_) return true;
  all_checked_ =
      following_ && std::ranges::all_of(config_->services, [&](const config::Service& each) {
        return std::ranges::all_of(each.real_servers, [&](const config::RealServer& server) {
          return !health_of(each, server).unchecked;
        });
      });
  if (all_checked_) events_.changed(kAtOnce);
  return all_checked_;
}

health::State Servers::check_of(const config::Service& service,
                                const config::RealServer& server) const {
  return checker_.state(service.name, service.primary_endpoint(), server.address);
}

ServerHealth Servers::health_of(const config::Service& service,
                                const config::RealServer& server) const {
  const health::State health = check_of(service, server);
  return {.up = health.up || panic_.holds(health),
          .unchecked = !health.up && health.last_result.empty(),
          .weight = health.weight_of(server.weight)};
}

RealServerState Servers::state_of(const config::Service& service,
                                  const config::RealServer& server) const {
  const ServerDecision& decision = decisions_.of(service, server);
  RealServerState state;
  state.up = decision.up;
  state.unchecked = decision.unchecked;
  state.weight = decision.weight;
  state.end = decision.end;
  state.healthy = health_of(service, server).up;
  state.next_hop = next_hop_of(service.mode, server.address.address);
  return state;
}

// The sorry server's connections outlive its use.
ServiceInEffect Servers::in_effect(const config::Service& service) const {
  const ServiceDecision& decision = decisions_.of(service);
  ServiceInEffect result{decision.scheduler, {}};
  result.sorry.up = decision.sorry;
  result.sorry.unchecked = !decision.sorry;
  if (service.sorry_server) {
    result.sorry.next_hop =
        next_hop_of(service.sorry_server->mode, service.sorry_server->address.address);
  }
  return result;
}

std::optional<NextHopSpec> Servers::next_hop_of(Mode mode, Ipv4Address server) const {
  // Direct routing rewrites MACs only: a gateway would send the VIP's packets back to us.
  if (mode != Mode::kNat && !next_hops_.table().direct(server)) return {};
  return next_hops_.table().find(server);
}

void Servers::warn_of_gateway(const config::Service& service, Ipv4Address server) {
  if (service.mode == Mode::kNat) return;
  if (next_hops_.table().direct(server)) {
    behind_gateway_.erase(server);
  } else if (behind_gateway_.insert(server).second) {
    log::error(
        "{}: real server {} is behind gateway {}; mode \"dr\" needs it on a subnet of the director",
        service.name, server.to_string(), next_hops_.table().route(server)->address.to_string());
  }
}

}  // namespace lb::controlplane
