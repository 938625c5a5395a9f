#include "controlplane/failover/failover.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <utility>

#include "config/base/log.h"
#include "controlplane/failover/failover_impl.h"
#include "controlplane/netlink/carrier.h"
#include "controlplane/sync/sync.pb.h"

namespace lb::controlplane {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{50};
constexpr std::size_t kEvents = 100;
// A peer whose sync link stays away for so long is not waited for.
constexpr milliseconds kUnreachable{5'000};
// Two masters that hear each other: announcements at this pace, not per advert.
constexpr milliseconds kAnnounceAgain{1'000};

std::string to_bytes(Ipv4Address address) {
  return {reinterpret_cast<const char*>(&address.be.raw), sizeof address.be.raw};
}

bool works(const netlink::Link& link) {
  return link.running && netlink::has_carrier(link.name);
}

}  // namespace

Failover::Impl::Impl(boost::asio::io_context& io_context, config::ConfigPtr c,
                     const netlink::State& s, Host h)
    : io(io_context),
      config(std::move(c)),
      state(s),
      host(std::move(h)),
      scripts(io_context, config->ha.scripts, [this] { look(); }),
      notifier(io_context, config->director.name, config->ha.notify, config->ha.notify_user),
      ticker(io_context),
      handover_timer(io_context) {}

// ---- start

void Failover::Impl::make_units() {
  std::vector<std::string> made;
  for (const config::HaInstance& instance : config->ha.instances) {
    if (instance.sync_group.empty()) {
      add_unit(instance.name, {&instance});
    } else if (std::ranges::find(made, instance.sync_group) == made.end()) {
      made.push_back(instance.sync_group);
      std::vector<const config::HaInstance*> members;
      for (const config::HaInstance& each : config->ha.instances) {
        if (each.sync_group == instance.sync_group) members.push_back(&each);
      }
      add_unit(instance.sync_group, members);
    }
  }
}

void Failover::Impl::add_unit(const std::string& name,
                              const std::vector<const config::HaInstance*>& instances) {
  // The unit exists when any of these is called.
  const auto self = [this, at = units.size()]() -> Unit& { return *units[at]; };
  Unit::Sight sight{
      .link = [this](const std::string& link) { return state.link(link); },
      .works = [](const netlink::Link& link) { return works(link); },
      .has_address =
          [this](const netlink::Link& link, Ipv4Address address) {
            const auto all = state.addresses(link.index);
            return std::ranges::any_of(all, [address](const netlink::Address& each) {
              return each.prefix.address == address;
            });
          },
      .failing = [this](const config::HaTrack& track) { return failing(track); },
      .first_address = [this](const std::string& link) { return first_address(link); }};
  Unit::Events unit_events{
      .transition = [this, self](vrrp::State from, vrrp::State to,
                                 const std::string& why) { on_transition(self(), from, to, why); },
      .settled = [this] { apply_roles(); },
      .announce = [this, self] { announce(self()); },
      .peer = [this, name] { return peer ? peer->group(name) : vrrp::Peer{}; }};
  units.push_back(std::make_unique<Unit>(io, name, config, instances, std::move(sight),
                                         std::move(unit_events)));
}

Result<void> Failover::Impl::start() {
  make_units();
  for (const config::HaInstance& instance : config->ha.instances) {
    if (instance.auth_pass.empty()) continue;
    log::warning(
        "{}: auth_pass goes over the wire in clear text: it keeps mistakes out, not "
        "attackers",
        instance.name);
  }
  if (config->ha.sync) {
    auto made = Peer::make(
        io, config,
        {.fill_beat = [this](lb::sync::Heartbeat& beat) { fill_beat(beat); },
         .heard = [this] { heard_peer(); },
         .progress = [this] { look_at_gate(); },
         .switchover = [this](const lb::sync::Switchover& message) { on_switchover(message); },
         .link = [this](bool up, const std::string& why) { host.sync_link(up, why); },
         .check_words = [this](const sync::CheckKeys& keys) { return host.check_words(keys); }});
    if (!made) return tl::make_unexpected(made.error());
    peer = std::move(*made);
    peer->start();
  }
  look_at_gate();
  for (const auto& unit : units) unit->start();
  apply_roles();
  scripts.start();
  tick();
  return {};
}

void Failover::Impl::configure(config::ConfigPtr next) {
  config = std::move(next);
  for (const auto& unit : units) unit->configure(config);
  if (peer) peer->configure(config);
  look();
}

// ---- what is going on around us

void Failover::Impl::look() {
  for (const auto& unit : units) unit->look();
}

bool Failover::Impl::failing(const config::HaTrack& track) const {
  if (!track.interface.empty()) {
    const netlink::Link* const link = state.link(track.interface);
    return link == nullptr || !works(*link);
  }
  if (!track.service.empty()) return !host.has_server_up(track.service);
  return scripts.failing(track.script);
}

std::optional<Ipv4Address> Failover::Impl::first_address(const std::string& interface) const {
  for (const Interface& each : interfaces_of(*config)) {
    if (each.name == interface && !each.addresses.empty()) return each.addresses.front().address;
  }
  return std::nullopt;
}

void Failover::Impl::heard_peer() {
  for (const auto& unit : units) unit->set_peer(peer->group(unit->name()));
  look_at_gate();
}

milliseconds Failover::Impl::gate_timeout() const {
  return config->ha.sync.value_or(config::HaSync{}).gate_timeout;
}

std::string Failover::Impl::closed_gate() const {
  const auto now = Clock::now();
  if (!host.all_servers_checked() && now - started < gate_timeout()) {
    return "the real servers have not all been checked yet";
  }
  if (!peer || peer->complete()) return {};
  const auto unreachable = peer->unreachable_since();
  if (unreachable && now - *unreachable >= kUnreachable) return {};
  if (now - gate_closed_at >= gate_timeout()) return {};
  return unreachable ? "the peer has not been reached over the sync link yet"
                     : "the connection table is not complete yet";
}

void Failover::Impl::look_at_gate() {
  const bool open = closed_gate().empty();
  // The longest wait counts from when the table began to be incomplete.
  if (peer && peer->complete()) gate_closed_at = Clock::now();
  for (const auto& unit : units) unit->fsm().set_gate(open);
}

void Failover::Impl::tick() {
  ticker.expires_after(kTick);
  ticker.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (self && !error) self->tick();
  });
  look_at_gate();
  look();
  if (peer) {
    for (const auto& unit : units) unit->set_peer(peer->group(unit->name()));
  }
  const auto refresh = config->ha.garp_refresh;
  if (refresh.count() == 0 || Clock::now() - refreshed < refresh) return;
  refreshed = Clock::now();
  for (const auto& unit : units) {
    if (unit->is_master()) announce(*unit);
  }
}

// ---- what follows from it

void Failover::Impl::on_transition(Unit& unit, vrrp::State from, vrrp::State to,
                                   const std::string& reason) {
  apply_roles();
  if (peer) peer->beat();
  for (const Unit::Member& member : unit.members()) {
    HaEvent event{std::chrono::system_clock::now(),   member.config->name,
                  std::string(vrrp::to_string(from)), std::string(vrrp::to_string(to)),
                  member.standing.priority,           reason};
    log::info("{}: {} -> {}: {}", event.instance, event.from, event.to, reason);
    notifier.notify(event);
    host.transition(event);
    events.push_back(std::move(event));
    if (events.size() > kEvents) events.pop_front();
  }
}

void Failover::Impl::apply_roles() {
  std::vector<Vip> up;
  std::vector<Vip> undecided;
  std::set<Ipv4Address> standby;
  for (const auto& unit : units) {
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
  host.set_vips(std::move(up), std::move(undecided));
  host.set_standby(std::move(standby));
}

void Failover::Impl::announce(const Unit& unit) {
  const auto now = Clock::now();
  auto& last = announced[&unit];
  if (now - last < kAnnounceAgain) return;
  last = now;
  for (const Unit::Member& member : unit.members()) {
    for (const Vip& vip : vips_of(*member.config)) host.announce(vip);
  }
}

void Failover::Impl::fill_beat(lb::sync::Heartbeat& beat) const {
  for (const auto& unit : units) {
    const vrrp::Fitness fitness = unit->fsm().fitness();
    lb::sync::Group& group = *beat.add_groups();
    group.set_name(unit->name());
    group.set_state(static_cast<std::uint32_t>(unit->fsm().state()));
    group.set_health(fitness.health);
    group.set_priority(fitness.priority);
    group.set_unheard(unit->fsm().unheard(Clock::now()));
    group.set_address(to_bytes(fitness.address));
    for (const Ipv4Address address : unit->fsm().addresses()) {
      group.add_addresses(to_bytes(address));
    }
  }
}

Unit* Failover::Impl::find(const std::string& group) {
  const auto found =
      std::ranges::find_if(units, [&group](const auto& unit) { return unit->name() == group; });
  return found == units.end() ? nullptr : found->get();
}

// ---- for callers

Failover::Failover(boost::asio::io_context& io, config::ConfigPtr config,
                   const netlink::State& state, Host host)
    : impl_(std::make_shared<Impl>(io, std::move(config), state, std::move(host))) {}

Failover::~Failover() = default;

Result<void> Failover::start() {
  return impl_->start();
}

void Failover::leave(std::function<void()> done) {
  impl_->leave(std::move(done));
}

void Failover::set_dataplane_ready(bool ready) {
  if (impl_->peer) impl_->peer->set_dataplane_ready(ready);
}

void Failover::configure(config::ConfigPtr config) {
  impl_->configure(std::move(config));
}

void Failover::look() {
  impl_->look();
}

bool Failover::ask_peer(const sync::CheckKeys& keys, sync::OnCheckWords done) {
  return impl_->peer && impl_->peer->ask(keys, std::move(done));
}

Result<std::string> Failover::command(const api::control::HaCommand& command) {
  return impl_->command(command);
}

void Failover::fill_status(api::control::Status& status) const {
  impl_->fill_status(status);
}

}  // namespace lb::controlplane
