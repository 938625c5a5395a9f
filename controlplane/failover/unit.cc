#include "controlplane/failover/unit.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <set>
#include <utility>

namespace lb::controlplane {
namespace {

// For ports to get their links and addresses, and for first results of checks and scripts.
constexpr std::chrono::seconds kStartTime{10};

// Between two alerts of an instance about unknown routers, or about late adverts.
constexpr std::chrono::minutes kReportAgain{10};

std::vector<Ipv4Address> ipv4_of(const std::vector<Address>& addresses) {
  std::vector<Ipv4Address> all;
  for (const Address& address : addresses) {
    if (const auto ipv4 = address.to_ipv4()) all.push_back(*ipv4);
  }
  return all;
}

vrrp::Group::Options options_of(const std::vector<const config::HaInstance*>& instances,
                                bool has_link) {
  vrrp::Group::Options options;
  options.start_time = kStartTime;
  for (const config::HaInstance* instance : instances) {
    // The socket accepts adverts of unicast_peers alone.
    options.members.push_back(
        {instance->version,
         instance->priority,
         instance->advert_interval,
         {},
         ipv4_of(instance->unicast_peers.empty() ? instance->peers : instance->unicast_peers),
         instance->accept_unknown_routers || (!has_link && instance->peers.empty()),
         has_link});
    options.preempt &= instance->preempt;
    options.preempt_delay = std::max(options.preempt_delay, instance->preempt_delay);
  }
  return options;
}

vrrp::Io::Options io_options(const config::HaInstance& instance) {
  vrrp::Io::Options options;
  options.interface = instance.port;
  options.own.version = instance.version;
  options.own.vrid = instance.virtual_router_id;
  options.own.interval = instance.advert_interval;
  options.own.auth_pass = instance.auth_pass;
  // VRRP is IPv4 only here; validation refuses other addresses.
  for (const Prefix& prefix : instance.addresses) {
    if (const auto ipv4 = prefix.address.to_ipv4()) options.own.addresses.push_back(*ipv4);
  }
  options.owner = instance.priority == config::kOwnerPriority;
  options.unicast_peers = ipv4_of(instance.unicast_peers);
  return options;
}

}  // namespace

Unit::Unit(boost::asio::io_context& io, std::string name,
           const std::vector<const config::HaInstance*>& instances, bool has_link, Inputs inputs,
           Events events)
    : name_(std::move(name)),
      inputs_(std::move(inputs)),
      events_(std::move(events)),
      members_(instances.size()),
      fsm_(options_of(instances, has_link)),
      timer_(io),
      since_(Clock::now()) {
  for (std::size_t i = 0; i < instances.size(); ++i) {
    members_[i].config = instances[i];
    members_[i].io = std::make_unique<vrrp::Io>(
        io, io_options(*instances[i]),
        [this, i](const vrrp::Advert& advert, Ipv4Address source) {
          return on_advert(i, advert, source);
        },
        [this, i](const vrrp::Io::Refused& refused, std::uint64_t left_out) {
          on_refused(members_[i], refused, left_out);
        });
  }
}

void Unit::start() {
  update();
  act(fsm_.start(Clock::now()));
}

void Unit::configure(const std::vector<config::HaInstance>& instances) {
  for (Member& member : members_) {
    // Adding or removing instances needs a restart (config/diff.cc).
    member.config = &*std::ranges::find(instances, member.config->name, &config::HaInstance::name);
  }
}

// Interfaces, addresses and tracks as they are now.
void Unit::update() {
  const auto now = Clock::now();
  std::set<std::string> working;  // interfaces
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member& member = members_[i];
    const netlink::Link* const link = inputs_.link(member.config->port);
    if (link != nullptr && inputs_.works(*link)) working.insert(member.config->port);
    member.track_result = evaluate_tracks(*member.config, inputs_.failing);
    for (const config::HaTrack& track : member.config->tracks) {
      if (!track.interface.empty() && !inputs_.failing(track)) working.insert(track.interface);
    }
    member.fault = fault_of(member);
  }
  fsm_.set_health(static_cast<int>(working.size()));
  for (std::size_t i = 0; i < members_.size(); ++i) {
    act(fsm_.set_priority(i, members_[i].track_result.priority, now));
    act(fsm_.set_fault(i, members_[i].fault, now));
  }
}

// Why the member cannot work; opens its socket on the way.
std::string Unit::fault_of(Member& member) {
  const std::string& port = member.config->port;
  const netlink::Link* const link = inputs_.link(port);
  if (link == nullptr) {
    member.io->close();
    return "interface " + port + " does not exist";
  }
  if (!inputs_.works(*link)) return "interface " + port + " has no link";
  const auto source =
      member.config->source ? member.config->source->to_ipv4() : inputs_.first_address(port);
  if (!source) return "interface " + port + " has no address to send adverts from";
  if (!inputs_.has_address(*link, *source)) {
    return "interface " + port + " lacks its address " + source->to_string();
  }
  // The address may change with the configuration.
  if (!member.io->is_open() || member.link_index != link->index || member.source != *source) {
    fsm_.set_address(static_cast<std::size_t>(&member - members_.data()), *source);
    if (auto opened = member.io->open(link->index, *source); !opened) {
      return opened.error().message;
    }
    member.link_index = link->index;
    member.source = *source;
  }
  if (!member.track_result.fault.empty()) return member.track_result.fault;
  return inputs_.resource_fault(member.config->name);
}

void Unit::act(const vrrp::Actions& actions) {
  for (const vrrp::Action& action : actions) {
    switch (action.kind) {
      case vrrp::Action::Kind::kSendAdvert:
        members_[action.member].io->send(action.priority);
        break;
      case vrrp::Action::Kind::kAnnounce:
        events_.announce();
        break;
      case vrrp::Action::Kind::kRefuse: {
        Member& member = members_[action.member];
        member.io->refuse(action.reject, member.deferred_source, member.deferred_priority);
        break;
      }
      case vrrp::Action::Kind::kDefer:  // see on_advert()
        break;
      case vrrp::Action::Kind::kTransition:
        since_ = Clock::now();
        transitions_ += 1;
        for (Member& member : members_) member.late.reset();
        reason_ = action.reason;
        if (action.to != vrrp::State::kBackup || action.from != vrrp::State::kInit) settled_ = true;
        events_.transition(action.from, action.to, action.reason);
        break;
    }
  }
  arm();
}

std::optional<vrrp::Reject> Unit::on_advert(std::size_t member, const vrrp::Advert& advert,
                                            Ipv4Address source) {
  const auto now = Clock::now();
  const bool waits = fsm_.state() == vrrp::State::kBackup;
  const vrrp::Actions actions = fsm_.advert(member, advert, source, now);
  if (!actions.empty() && actions.front().kind == vrrp::Action::Kind::kRefuse) {
    return actions.front().reject;
  }
  if (!actions.empty() && actions.front().kind == vrrp::Action::Kind::kDefer) {
    members_[member].deferred_source = source;
    members_[member].deferred_priority = advert.priority;
    return std::nullopt;
  }
  if (members_[member].master != source) members_[member].late.reset();
  members_[member].master = source;
  members_[member].last_advert = now;
  if (waits && advert.priority != vrrp::kResignPriority) {
    watch_interval(members_[member], advert, now);
  } else {
    members_[member].late.reset();
  }
  act(actions);
  if (advert.priority != vrrp::kResignPriority) settle();
  const auto longest = vrrp::Group::longest_interval(members_[member].config->advert_interval);
  if (advert.interval > longest) {
    intervals_.write(log::Level::kWarning, members_[member].config->name, source.to_string(),
                     "{}: {} advertises every {} ms, which counts as {} ms; configure the same "
                     "interval on both",
                     members_[member].config->name, source.to_string(), advert.interval.count(),
                     longest.count());
  }
  return std::nullopt;
}

// Of what comes before the takeover: after one, this director has been master in between.
void Unit::watch_interval(Member& member, const vrrp::Advert& advert, Clock::time_point now) {
  const config::HaInstance& config = *member.config;
  const auto interval =
      std::max(config.advert_interval,
               std::min(advert.interval, vrrp::Group::longest_interval(config.advert_interval)));
  const auto limit = config.warn_after.count() != 0 ? config.warn_after : 2 * interval;
  const auto after = member.late.received(now, limit);
  if (!after) return;
  const std::string text =
      fmt::format("{} ms after the one before, which is more than warn_after ({} ms)",
                  after->count(), limit.count());
  late_.write(log::Level::kWarning, config.name, "", "{}: late advert of {}: {}", config.name,
              member.master->to_string(), text);
  if (member.late_reported && now - *member.late_reported < kReportAgain) return;
  member.late_reported = now;
  events_.late_advert(config.name, text);
}

void Unit::on_refused(Member& member, const vrrp::Io::Refused& refused, std::uint64_t left_out) {
  const std::string& name = member.config->name;
  const std::string source = refused.source.to_string();
  if (!vrrp::is_unknown(refused.reject)) {
    return LogLimit::write(log::Level::kWarning,
                           fmt::format("{}: ignored an advert from {}: {}", name, source,
                                       vrrp::text_of(refused.reject)),
                           left_out);
  }
  const std::string text =
      fmt::format("unknown VRRP router {} ({}) claims VRID {} with priority {}", source,
                  refused.mac ? refused.mac->to_string() : "unknown MAC",
                  member.config->virtual_router_id, refused.priority);
  LogLimit::write(log::Level::kWarning, fmt::format("{}: ignored an advert: {}", name, text),
                  left_out);
  const auto now = Clock::now();
  if (member.reported && now - *member.reported < kReportAgain) return;
  member.reported = now;
  events_.unknown_router(name, text);
}

void Unit::set_peer(const vrrp::Peer& peer) {
  act(fsm_.set_peer(peer, Clock::now()));
  if (peer.alive && peer.state == vrrp::State::kMaster) settle();
}

// Another director is master: addresses that our previous process left must go.
void Unit::settle() {
  if (settled_ || is_master()) return;
  settled_ = true;
  events_.settled();
}

void Unit::on_deadline() {
  // Pending input counts first, above all when we are late.
  if (fsm_.state() == vrrp::State::kBackup) act(fsm_.set_peer(events_.peer(), Clock::now()));
  for (Member& member : members_) member.io->drain();
  const auto deadline = fsm_.next_deadline();
  const auto now = Clock::now();
  if (deadline && *deadline <= now) act(fsm_.expire(now));
  arm();
}

void Unit::arm() {
  const auto deadline = fsm_.next_deadline();
  if (deadline == armed_) return;
  armed_ = deadline;
  if (!deadline) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(*deadline);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    armed_.reset();
    on_deadline();
  });
}

}  // namespace lb::controlplane
