#include "controlplane/failover/engine.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <utility>

#include "config/base/log.h"
#include "controlplane/sync/sync.pb.h"

namespace lb::controlplane {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kEngineTick{50};
constexpr std::size_t kEvents = 100;
// The gate does not wait for a peer whose sync link is down this long.
constexpr milliseconds kUnreachable{5'000};
// Two masters that receive each other's adverts announce at this pace, not per advert.
constexpr milliseconds kAnnounceAgain{1'000};

}  // namespace

Engine::Engine(boost::asio::io_context& io, SettingsPtr settings, Facts facts, Events events)
    : io_(io),
      settings_(std::move(settings)),
      facts_(std::move(facts)),
      events_(std::move(events)),
      ticker_(io),
      handover_timer_(io) {}

// ---- start

void Engine::make_units() {
  std::vector<std::string> made;
  for (const config::HaInstance& instance : settings_->ha.instances) {
    if (instance.sync_group.empty()) {
      add_unit(instance.name, {&instance});
    } else if (std::ranges::find(made, instance.sync_group) == made.end()) {
      made.push_back(instance.sync_group);
      std::vector<const config::HaInstance*> members;
      for (const config::HaInstance& each : settings_->ha.instances) {
        if (each.sync_group == instance.sync_group) members.push_back(&each);
      }
      add_unit(instance.sync_group, members);
    }
  }
}

void Engine::add_unit(const std::string& name,
                      const std::vector<const config::HaInstance*>& instances) {
  // The unit exists when any of these is called.
  const auto self = [this, at = units_.size()]() -> Unit& { return *units_[at]; };
  const netlink::State& state = monitor_->state();
  Unit::Inputs inputs{
      .link = [&state](const std::string& link) { return state.link(link); },
      .works = [this](const netlink::Link& link) { return works(link); },
      .has_address =
          [&state](const netlink::Link& link, Address address) {
            const auto all = state.addresses(link.index);
            return std::ranges::any_of(all, [address](const netlink::InterfaceAddress& each) {
              return each.prefix.address == address;
            });
          },
      .failing = [this](const config::HaTrack& track) { return failing(track); },
      .resource_fault =
          [this](const std::string& instance) {
            const auto found = facts_.failed_resources.find(instance);
            return found == facts_.failed_resources.end() ? std::string() : found->second;
          },
      .first_address = [this](const std::string& link) { return first_address(link); }};
  Unit::Events unit_events{
      .transition = [this, self](vrrp::State from, vrrp::State to,
                                 const std::string& why) { on_transition(self(), from, to, why); },
      .settled = [this] { apply_roles(); },
      .announce = [this, self] { announce(self()); },
      .peer = [this, name] { return peer_ ? peer_->group(name) : vrrp::Peer{}; },
      .unknown_router = events_.unknown_router,
      .late_advert = events_.late_advert};
  units_.push_back(std::make_unique<Unit>(io_, name, instances, settings_->ha.sync.has_value(),
                                          std::move(inputs), std::move(unit_events)));
}

Result<void> Engine::make_peer() {
  auto made = PeerLink::make(
      io_, settings_,
      {.fill_beat = [this](lb::sync::Heartbeat& beat) { fill_beat(beat); },
       .update = [this] { on_peer_update(); },
       .progress = [this] { update_gate(); },
       .switchover = [this](const lb::sync::Switchover& message) { on_switchover(message); },
       .link = events_.sync_link,
       .late_heartbeat = events_.late_heartbeat,
       .services = events_.peer_services,
       .check_opinions = events_.check_opinions});
  if (!made) return tl::make_unexpected(made.error());
  peer_ = std::move(*made);
  peer_->start();
  return {};
}

Result<void> Engine::start() {
  auto opened = netlink::Requests::open();
  if (!opened) return tl::make_unexpected(opened.error());
  requests_.emplace(std::move(*opened));
  monitor_.emplace(
      io_, *requests_, [this](const auto&) { on_kernel_change(); }, netlink::Scope::kInterfaces);
  if (auto result = monitor_->start(); !result) return result;
  vips_.emplace(io_, *requests_, monitor_->state(), *settings_);
  make_units();
  for (const config::HaInstance& instance : settings_->ha.instances) {
    if (instance.auth_pass.empty()) continue;
    log::warning(
        "{}: auth_pass is sent in clear text: it protects against mistakes, not "
        "attackers",
        instance.name);
  }
  if (settings_->ha.sync) {
    if (auto made = make_peer(); !made) return made;
  }
  update_gate();
  for (const auto& unit : units_) unit->start();
  apply_roles();
  tick();
  return {};
}

void Engine::stop() {
  if (vips_) vips_->withdraw();
}

// ---- from the main loop

void Engine::configure(SettingsPtr settings) {
  // Keep the old one until nothing points into it.
  const SettingsPtr before = std::exchange(settings_, std::move(settings));
  for (const auto& unit : units_) unit->configure(settings_->ha.instances);
  if (peer_) peer_->configure(settings_);
  vips_->configure(settings_->interfaces);
  update_units();
  update_resources();
}

void Engine::set_facts(Facts facts) {
  const bool is_changed = facts.resources != facts_.resources;
  facts_ = std::move(facts);
  update_gate();
  update_units();
  if (is_changed && peer_) peer_->beat();
}

void Engine::set_dataplane_ready(bool ready) {
  if (peer_) peer_->set_dataplane_ready(ready);
}

void Engine::ask_peer(const sync::CheckKeys& keys, sync::OnCheckOpinions done) {
  if (peer_) peer_->ask(keys, std::move(done));
}

// ---- what is going on around us

void Engine::on_kernel_change() {
  vips_->on_change();
  update_units();
}

void Engine::update_units() {
  for (const auto& unit : units_) unit->update();
}

bool Engine::works(const netlink::Link& link) const {
  return link.running && query_.has_carrier(link.name);
}

bool Engine::failing(const config::HaTrack& track) const {
  if (!track.interface.empty()) {
    const netlink::Link* const link = monitor_->state().link(track.interface);
    return link == nullptr || !works(*link);
  }
  if (!track.service.empty()) return facts_.failing_services.contains(track.service);
  return facts_.failing_scripts.contains(track.script);
}

std::optional<Ipv4Address> Engine::first_address(const std::string& interface) const {
  for (const Interface& each : settings_->interfaces) {
    if (each.name == interface && !each.addresses.empty()) {
      return each.addresses.front().address.to_ipv4();
    }
  }
  return std::nullopt;
}

void Engine::on_peer_update() {
  for (const auto& unit : units_) unit->set_peer(peer_->group(unit->name()));
  update_gate();
  update_resources();
  reply_to_master();
}

// A new master starts its programs when the peer has accepted it: at once, not with the next beat.
void Engine::reply_to_master() {
  bool is_changed = false;
  for (const auto& unit : units_) {
    const PeerGroup* const report = peer_->report(unit->name());
    const bool is_master = report != nullptr && report->vrrp.state == vrrp::State::kMaster;
    is_changed = std::exchange(peer_is_master_[unit.get()], is_master) != is_master || is_changed;
  }
  if (is_changed) peer_->beat();
}

milliseconds Engine::gate_timeout() const {
  return settings_->ha.sync.value_or(config::HaSync{}).gate_timeout;
}

std::string Engine::closed_gate() const {
  const auto now = Clock::now();
  if (!facts_.all_servers_checked && now - started_ < gate_timeout()) {
    return "the real servers have not all been checked yet";
  }
  if (!peer_ || peer_->complete()) return {};
  const auto unreachable = peer_->unreachable_since();
  if (unreachable && now - *unreachable >= kUnreachable) return {};
  if (now - gate_closed_at_ >= gate_timeout()) return {};
  return unreachable ? "the peer has not been reached over the sync link yet"
                     : "the connection table is not complete yet";
}

void Engine::update_gate() {
  const bool open = closed_gate().empty();
  // gate_timeout counts from when the table became incomplete.
  if (peer_ && peer_->complete()) gate_closed_at_ = Clock::now();
  for (const auto& unit : units_) unit->fsm().set_gate(open);
}

void Engine::tick() {
  ticker_.expires_after(kEngineTick);
  ticker_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (self && !error) self->tick();
  });
  update_gate();
  update_units();
  if (peer_) {
    for (const auto& unit : units_) unit->set_peer(peer_->group(unit->name()));
  }
  update_resources();
  const auto refresh = settings_->ha.garp_refresh;
  if (refresh.count() == 0 || Clock::now() - refreshed_ < refresh) return;
  refreshed_ = Clock::now();
  for (const auto& unit : units_) {
    if (unit->is_master()) announce(*unit);
  }
}

// ---- what follows from it

void Engine::on_transition(Unit& unit, vrrp::State from, vrrp::State to,
                           const std::string& reason) {
  apply_roles();
  if (peer_) peer_->beat();
  for (const Unit::Member& member : unit.members()) {
    HaEvent event{std::chrono::system_clock::now(),   member.config->name,
                  std::string(vrrp::to_string(from)), std::string(vrrp::to_string(to)),
                  member.track_result.priority,       reason};
    log::info("{}: {} -> {}: {}", event.instance, event.from, event.to, reason);
    events_.transition(event);
    history_.push_back(std::move(event));
    if (history_.size() > kEvents) history_.pop_front();
  }
}

void Engine::apply_roles() {
  std::vector<Vip> up;
  std::vector<Vip> undecided;
  std::set<Address> standby;
  for (const auto& unit : units_) {
    for (const Unit::Member& member : unit->members()) {
      const std::vector<Vip> vips = vips_of(*member.config);
      if (unit->is_master()) {
        up.insert(up.end(), vips.begin(), vips.end());
        continue;
      }
      for (const Vip& vip : vips) standby.insert(vip.prefix.address);
      if (!unit->settled()) undecided.insert(undecided.end(), vips.begin(), vips.end());
    }
  }
  vips_->set(std::move(up), std::move(undecided));
  events_.standby(std::move(standby));
  update_resources();
}

void Engine::announce(const Unit& unit) {
  const auto now = Clock::now();
  auto& last = announced_[&unit];
  if (now - last < kAnnounceAgain) return;
  last = now;
  for (const Unit::Member& member : unit.members()) {
    for (const Vip& vip : vips_of(*member.config)) vips_->announce(vip);
  }
}

void Engine::fill_beat(lb::sync::Heartbeat& beat) const {
  for (const auto& unit : units_) {
    const vrrp::Fitness fitness = unit->fsm().fitness();
    lb::sync::Group& group = *beat.add_groups();
    group.set_name(unit->name());
    group.set_state(static_cast<std::uint32_t>(unit->fsm().state()));
    group.set_health(fitness.health);
    group.set_priority(fitness.priority);
    group.set_without_adverts(unit->fsm().without_adverts(Clock::now()));
    group.set_address(to_bytes(fitness.address));
    for (const Address address : unit->fsm().addresses()) {
      group.add_addresses(to_bytes(address));
    }
    const PeerGroup* const peer = peer_->report(unit->name());
    if (peer != nullptr) group.set_peer_state(static_cast<std::uint32_t>(peer->vrrp.state));
    group.set_programs(static_cast<lb::sync::Group::Programs>(programs(*unit)));
    if (const auto found = facts_.resources.find(unit->name()); found != facts_.resources.end()) {
      group.set_stop_ms(static_cast<std::uint32_t>(found->second.stop_time.count()));
    }
  }
}

Unit* Engine::find(const std::string& group) {
  const auto found =
      std::ranges::find_if(units_, [&group](const auto& unit) { return unit->name() == group; });
  return found == units_.end() ? nullptr : found->get();
}

}  // namespace lb::controlplane
