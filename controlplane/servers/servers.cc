#include "controlplane/servers/servers.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <utility>

#include "config/base/log.h"
#include "controlplane/alert/alerts.h"
#include "controlplane/servers/snapshot_builder.h"

namespace lb::controlplane {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAtOnce{0};  // still one snapshot for all that happens in this turn
constexpr milliseconds kDebounce{10};
// Between two polls for servers whose first check failed.
constexpr milliseconds kFirstResults{1'000};

health::Target target_of(const RealServer& server) {
  const config::Service& service = *server.service->config;
  return {server.id,
          service.name,
          service.primary_endpoint(),
          server.config->address,
          service.check_of(*server.config),
          service.agent};
}

// For messages.
std::string label_of(const RealServer& server) {
  return server.service->config->name + ": real server " + server.config->address.to_string();
}

bool has_remote_sorry_server(const config::Service& service) {
  return service.sorry_server && !service.sorry_server->is_local();
}

// Gateways too: the kernel then knows and confirms them, and connections to clients can follow them
// (client_hops.h).
std::set<Address> destinations_of(const config::Config& config) {
  std::set<Address> all;
  for (const config::Route& route : config.routes) all.insert(route.via);
  for (const config::Service& service : config.services) {
    for (const config::RealServer& server : service.real_servers) {
      all.insert(server.address.address);
    }
    if (has_remote_sorry_server(service)) all.insert(service.sorry_server->address.address);
  }
  return all;
}

std::map<Address, MacAddress> fixed_macs_of(const config::Config& config) {
  std::map<Address, MacAddress> all;
  for (const FixedNeighbour& each : fixed_neighbours_of(config))
    all.emplace(each.address, each.mac);
  return all;
}

}  // namespace

Servers::Servers(boost::asio::io_context& io, FileWriter& writer, netlink::Requests& requests,
                 const netlink::State& state, Inventory& inventory, Alerts& alerts, Events events)
    : state_(state),
      inventory_(inventory),
      alerts_(alerts),
      events_(std::move(events)),
      interfaces_(interfaces_of(*inventory.config())),
      next_hops_(io, requests, state, interfaces_,
                 {.changed = [this] { events_.changed(kDebounce); },
                  .moved =
                      [this](const Address& neighbour, const std::string& text) {
                        alerts_.next_hop_moved(neighbour.to_string(), text);
                      }}),
      checker_(io,
               [this](const auto& target, const auto&) {
                 if (RealServer* const server = inventory_.find(target.id)) {
                   on_health_change(*server);
                 }
               }),
      history_(io, writer, inventory.config()->director.state_dir + "/health.json", inventory),
      panic_(io, inventory, alerts,
             {.ask = [this](const auto& keys,
                            auto done) { return events_.ask_peer(keys, std::move(done)); },
              .changed = [this] { on_panic_change(); }}),
      first_results_timer_(io) {
  next_hops_.set_fixed(fixed_macs_of(*inventory.config()));
  checker_.set_on_weight([this](const auto& target, const auto&) {
    if (RealServer* const server = inventory_.find(target.id)) on_weight_change(*server);
  });
}

// ---- followed servers

void Servers::follow(const SnapshotSpec& snapshot) {
  if (std::exchange(following_, true)) return;
  const Running running = read_snapshot(snapshot, inventory_);
  for (const config::Route& route : inventory_.config()->routes) {
    next_hops_.add(route.via, std::nullopt);
  }
  for (Service& service : inventory_.services()) {
    bool ran = false;
    for (RealServer& server : service.servers) {
      add(server, running);
      ran |= running.servers.contains(server.id);
    }
    const auto sorry = running.sorry.find(service.id);
    if (ran) adopt_quorum(service, sorry != running.sorry.end());
    if (!has_remote_sorry_server(*service.config)) continue;
    next_hops_.add(service.config->sorry_server->address.address,
                   sorry == running.sorry.end() ? std::nullopt : sorry->second);
  }
  restore(running);
}

void Servers::add(RealServer& server, const Running& running) {
  const auto found = running.servers.find(server.id);
  const bool ran = found != running.servers.end();
  next_hops_.add(server.config->address.address, ran ? found->second.next_hop : std::nullopt);
  server.health =
      checker_.add(target_of(server), ran ? std::optional(found->second.healthy) : std::nullopt);
  if (!ran) return;
  if (found->second.healthy) panic_.update(server);
  if (!found->second.unchecked) alerts_.adopt_server(server, found->second.healthy);
}

// Saved states of targets that are no longer configured are dropped.
void Servers::restore(const Running& running) {
  const SavedStates saved = history_.load();
  for (const Service& service : inventory_.services()) {
    for (const RealServer& server : service.servers) {
      const health::SavedState* const state = saved.find(server, inventory_);
      if (state == nullptr) continue;
      const auto before = running.servers.find(server.id);
      checker_.restore(server.id, *state,
                       before != running.servers.end() && !before->second.unchecked);
    }
  }
}

void Servers::configure(const Inventory::Adopted& adopted) {
  if (auto interfaces = interfaces_of(*inventory_.config()); interfaces != interfaces_) {
    interfaces_ = std::move(interfaces);
    next_hops_.set_interfaces(interfaces_);
  }
  next_hops_.set_fixed(fixed_macs_of(*inventory_.config()));
  forget(adopted);
  panic_.configure(*inventory_.config());
  if (following_) {
    for (const config::Route& route : inventory_.config()->routes) {
      next_hops_.add(route.via, std::nullopt);
    }
    for (Service& service : inventory_.services()) {
      for (RealServer& server : service.servers) {
        server.health ? change(server) : add(server, {});
      }
      if (!has_remote_sorry_server(*service.config)) continue;
      next_hops_.add(service.config->sorry_server->address.address, std::nullopt);
    }
  }
  pause_cut_off_checks();
  if (checking_) report_first_results();
}

void Servers::forget(const Inventory::Adopted& adopted) {
  for (const RealServerId gone : adopted.removed) {
    checker_.remove(gone);
    panic_.forget(gone);
  }
  const std::set<Address> wanted = destinations_of(*inventory_.config());
  for (const Address destination : destinations_of(*adopted.before)) {
    if (!wanted.contains(destination)) next_hops_.remove(destination);
  }
}

// Mostly no effect. With another check it keeps its state until that check changes it.
void Servers::change(RealServer& server) {
  const std::uint64_t question = server.health->question;
  const bool stays_up = server.health->passes || server.held;
  if (checker_.change(target_of(server), stays_up)) {
    server.held = false;
    panic_.forget(server.id);
    if (server.health->up) panic_.update(server);
  } else if (server.health->question != question) {
    panic_.change_question(server);
  }
}

// ---- their checks

void Servers::start_checks() {
  checking_ = true;
  checker_.start();
  report_first_results();
}

void Servers::stop_checks() {
  checking_ = false;
  first_results_timer_.cancel();
  checker_.stop();
  if (following_) history_.write();
}

void Servers::on_kernel_change(const netlink::Changes& changes) {
  next_hops_.on_change(changes);
  pause_cut_off_checks();
}

void Servers::pause_cut_off_checks() {
  checker_.pause_checks([this](const Address& server) { return is_cut_off(server); },
                        "not checked: its port has no link");
}

// Otherwise a standby would count the servers behind a port without link as down, and reset their
// connections when it takes over after its own fault.
bool Servers::is_cut_off(Address server) const {
  const auto via = next_hops_.table().route(server);
  const netlink::Link* const link = via ? state_.link(via->port) : nullptr;
  return link != nullptr && !link->running;
}

// A server that is down from the start never has a transition: polls until all are known.
void Servers::report_first_results() {
  bool all_known = true;
  for (Service& service : inventory_.services()) {
    for (RealServer& server : service.servers) {
      const bool failed = server.health && server.health->fall_count > 0;
      all_known &= failed || (server.health && server.health->up);
      if (failed && !server.up()) alerts_.server(server, false, server.health->last_result);
    }
  }
  if (all_known) return;
  first_results_timer_.expires_after(kFirstResults);
  first_results_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) report_first_results();
  });
}

void Servers::on_health_change(RealServer& server) {
  const health::State& state = *server.health;
  // So that it is not logged as back in service when it trips the guard itself.
  if (!state.up) server.held = true;
  panic_.update(server);
  server.held = panic_.holds(server);
  if (state.up) {
    log::info("{} up: {}", label_of(server), state.last_result);
  } else {
    log::warning("{} {}: {} after {} failure{}", label_of(server),
                 server.held ? "held in service" : "down", state.last_result, state.fall_count,
                 state.fall_count == 1 ? "" : "s");
    next_hops_.reverify(server.config->address.address);
  }
  alerts_.server(server, server.up(), state.last_result);
  history_.changed();
  events_.changed(state.up ? kDebounce : kAtOnce);
  events_.transition();
}

void Servers::on_weight_change(RealServer& server) {
  const health::State& state = *server.health;
  log::info("{} changed its weight or limit: {}", label_of(server),
            state.agent_result.empty() ? state.last_result : "agent " + state.agent_result);
  // A held server that its agent takes out or gives back.
  server.held = panic_.holds(server);
  if (!state.up && state.fall_count > 0) {
    alerts_.server(server, server.held, state.last_result);
  }
  events_.changed(kDebounce);
}

void Servers::on_panic_change() {
  for (Service& service : inventory_.services()) {
    for (RealServer& server : service.servers) {
      if (!server.health || server.health->last_result.empty()) continue;
      const health::State& state = *server.health;
      const bool was_held = std::exchange(server.held, panic_.holds(server));
      if (server.held && !was_held) {
        log::info("{} back in service: {}", label_of(server), panic_.why());
      } else if (!server.held && was_held && !state.up) {
        log::warning("{} down: {}, no longer held", label_of(server), state.last_result);
      }
      alerts_.server(server, server.up(), server.held ? panic_.why() : state.last_result);
    }
  }
  events_.changed(kAtOnce);
}

sync::CheckOpinion Servers::opinion_on(const RealServer& server) const {
  if (!server.health || server.service->config->check.type == config::CheckType::kNone ||
      is_cut_off(server.config->address.address)) {
    return sync::CheckOpinion::kUnknown;
  }
  const health::State& state = *server.health;
  if (state.passes && state.rise_count > 0) return sync::CheckOpinion::kUp;
  if (!state.passes && state.fall_count > 0) return sync::CheckOpinion::kDown;
  return sync::CheckOpinion::kUnknown;
}

sync::CheckOpinions Servers::opinions_on(const sync::CheckKeys& keys) {
  sync::CheckOpinions opinions(keys.size(), sync::CheckOpinion::kUnknown);
  if (!checking_) return opinions;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto key = ServiceKey::parse(keys[i].service);
    const Service* const service = key ? inventory_.find(*key) : nullptr;
    if (service == nullptr) continue;
    if (const RealServer* const server = inventory_.find(*service, keys[i].server)) {
      opinions[i] = opinion_on(*server);
    }
  }
  return opinions;
}

bool Servers::has_one_up(const std::string& name) const {
  const Service* const service = inventory_.find(name);
  return service != nullptr && std::ranges::any_of(service->servers, [](const RealServer& server) {
           return server.health && server.health->up &&
                  server.changes.in_force.admin_state == AdminState::kReady;
         });
}

// A bad first result is no transition; changes that depend on it are sent when all are known.
bool Servers::all_checked() {
  if (all_checked_) return true;
  all_checked_ =
      following_ && std::ranges::all_of(inventory_.services(), [](const Service& service) {
        return std::ranges::none_of(service.servers, &RealServer::unchecked);
      });
  if (all_checked_) events_.changed(kAtOnce);
  return all_checked_;
}

// ---- their next hops

void Servers::find_next_hops() {
  for (Service& service : inventory_.services()) {
    const config::Service& config = *service.config;
    for (RealServer& server : service.servers) {
      server.next_hop = next_hop_of(config.mode, server.config->address.address);
      if (config.mode != Mode::kNat) warn_of_gateway(server);
    }
    if (!has_remote_sorry_server(config)) continue;
    service.sorry_next_hop =
        next_hop_of(config.sorry_server->mode, config.sorry_server->address.address);
  }
}

std::optional<NextHopSpec> Servers::next_hop_of(Mode mode, Address server) const {
  // Direct routing rewrites MACs only: a gateway would send the VIP's packets back to us.
  if (mode != Mode::kNat && !next_hops_.table().direct(server)) return {};
  return next_hops_.table().find(server);
}

void Servers::warn_of_gateway(const RealServer& server) {
  const Address address = server.config->address.address;
  const auto via = next_hops_.table().route(address);
  if (!via) return;  // nothing is known of its place
  if (via->address == address) {
    if (behind_gateway_.erase(address) == 0) return;
    gateways_.write(log::Level::kInfo, "", address.to_string(),
                    "{}: real server {} is on a subnet of the director again",
                    server.service->config->name, address.to_string());
  } else if (behind_gateway_.insert(address).second) {
    gateways_.write(
        log::Level::kError, "", address.to_string(),
        "{}: real server {} is behind gateway {}; mode \"dr\" needs it on a subnet of the director",
        server.service->config->name, address.to_string(), via->address.to_string());
  }
}

}  // namespace lb::controlplane
