#include "controlplane/network/next_hops.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/base/log_limit.h"

namespace lb::controlplane {
namespace {

// A routing daemon changes many routes at once: they are handled together.
constexpr auto kSettle = std::chrono::milliseconds(10);
// Below the kernel's shortest reachable time (15 s), so that a neighbour is confirmed soon after it
// went stale; also the time until a server that was switched on is found.
constexpr auto kProbeInterval = std::chrono::seconds(2);
// Kernel requests per turn of the event loop; each takes some microseconds.
constexpr std::size_t kSlice = 128;

}  // namespace

struct NextHops::Impl : std::enable_shared_from_this<Impl> {
  Impl(boost::asio::io_context& io_context, netlink::Requests& r, const netlink::State& s,
       std::span<const Interface> all, Events callbacks)
      : io(io_context),
        requests(r),
        state(s),
        interfaces(all.begin(), all.end()),
        events(std::move(callbacks)),
        settle(io_context),
        probe_timer(io_context) {}

  const Interface* interface_of(int index) const;
  const netlink::Link* link_of(const Via& via) const;
  void refresh_soon();
  void refresh_slice();
  bool refresh(Address destination);
  std::optional<Via> via_of(Address destination, const std::optional<netlink::Hop>& hop);
  bool learn(const Via& via, const netlink::Neighbour& neighbour);
  bool learn_all();
  void probe_later();
  void probe_slice(std::optional<Via> after);

  boost::asio::io_context& io;
  netlink::Requests& requests;
  const netlink::State& state;
  std::vector<Interface> interfaces;
  Events events;
  boost::asio::steady_timer settle;
  boost::asio::steady_timer probe_timer;
  NextHopTable table;
  std::map<Address, MacAddress> fixed;
  std::set<Address> to_refresh;
  std::set<Address> unanswered;  // the kernel could not be asked: at the next probe once more
  bool refreshing = false;       // a timer or a posted slice will continue
  bool probing = false;
  std::map<Address, std::string> elsewhere;  // destinations off our ports, and where they are
  LogLimit failures;
  LogLimit places{5};
  LogLimit moves{5};
  LogLimit alerts;
};

const Interface* NextHops::Impl::interface_of(int index) const {
  const netlink::Link* const link = state.link(index);
  if (link == nullptr) return nullptr;
  for (const Interface& interface : interfaces) {
    if (interface.name == link->name) return &interface;
  }
  return nullptr;
}

const netlink::Link* NextHops::Impl::link_of(const Via& via) const {
  for (const Interface& interface : interfaces) {
    if (interface.port == via.port && interface.vlan == via.vlan) {
      return state.link(interface.name);
    }
  }
  return nullptr;
}

void NextHops::Impl::refresh_soon() {
  if (refreshing || to_refresh.empty()) return;
  refreshing = true;
  settle.expires_after(kSettle);
  settle.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (self && !error) self->refresh_slice();
  });
}

void NextHops::Impl::refresh_slice() {
  bool changed = false;
  for (std::size_t i = 0; i < kSlice && !to_refresh.empty(); ++i) {
    changed |= refresh(to_refresh.extract(to_refresh.begin()).value());
  }
  refreshing = !to_refresh.empty();
  if (refreshing) {
    boost::asio::post(io, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->refresh_slice();
    });
  }
  if (changed) events.changed();
}

bool NextHops::Impl::refresh(Address destination) {
  const auto hop = requests.lookup(destination);
  if (!hop) {
    failures.write(log::Level::kWarning, "", destination.to_string(), "route to {}: {}",
                   destination.to_string(), hop.error().message);
    unanswered.insert(destination);
    return false;
  }
  const auto via = via_of(destination, *hop);
  bool changed = table.set_route(destination, via);
  if (!via) return changed;
  const netlink::Neighbour* const neighbour = state.neighbour({(*hop)->index, via->address});
  if (neighbour != nullptr) changed |= learn(*via, *neighbour);
  if (neighbour == nullptr || neighbour->state < netlink::NeighbourState::kConfirmed) {
    // It fails while the interface is going away; the probe tries again.
    static_cast<void>(requests.resolve((*hop)->index, via->address));
  }
  return changed;
}

std::optional<Via> NextHops::Impl::via_of(Address destination,
                                          const std::optional<netlink::Hop>& hop) {
  if (!hop) return std::nullopt;
  if (const Interface* const interface = interface_of(hop->index)) {
    if (elsewhere.erase(destination) != 0) {
      places.write(log::Level::kInfo, "", destination.to_string(), "{} is reached through {} again",
                   destination.to_string(), interface->name);
    }
    return Via{interface->port, interface->vlan, hop->address};
  }
  const netlink::Link* const link = state.link(hop->index);
  const std::string name = link == nullptr ? "an unknown interface" : link->name;
  std::string& said = elsewhere[destination];
  if (said != name) {
    places.write(log::Level::kWarning, "", destination.to_string(),
                 "{} is reached through {}, which is not a port of the data plane",
                 destination.to_string(), name);
    said = name;
  }
  return std::nullopt;
}

bool NextHops::Impl::learn(const Via& via, const netlink::Neighbour& neighbour) {
  if (neighbour.state == netlink::NeighbourState::kNone) return false;
  const auto known = table.neighbours().find(via);
  const std::optional<MacAddress> before =
      known == table.neighbours().end() ? std::nullopt : known->second.mac;
  const auto configured = fixed.find(via.address);
  if (configured != fixed.end() && configured->second != neighbour.mac) {
    moves.write(log::Level::kWarning, via.port, via.address.to_string(),
                "next hop {} on {}: ignored MAC {}, the configuration has {}",
                via.address.to_string(), via.port, neighbour.mac.to_string(),
                configured->second.to_string());
    return false;
  }
  if (!table.set_mac(via, neighbour.mac)) return false;
  const std::string where =
      via.port + (via.vlan == 0 ? std::string() : " VLAN " + std::to_string(via.vlan));
  const std::string line = fmt::format("next hop {} on {} is at {}", via.address.to_string(), where,
                                       neighbour.mac.to_string());
  if (!before) {
    log::info("{}", line);
    return true;
  }
  // Another machine with the same address, a failover of a router, or a forged reply. Two hosts may
  // have the address, and change places with every packet.
  moves.write(log::Level::kWarning, via.port, via.address.to_string(), "{}, was at {}", line,
              before->to_string());
  if (alerts.admit(via.port, via.address.to_string())) {
    events.moved(via.address, fmt::format("on {}, from {} to {}", where, before->to_string(),
                                          neighbour.mac.to_string()));
  }
  return true;
}

bool NextHops::Impl::learn_all() {
  bool changed = false;
  for (const auto& [via, known] : table.neighbours()) {
    const netlink::Link* const link = link_of(via);
    if (link == nullptr) continue;
    const netlink::Neighbour* const neighbour = state.neighbour({link->index, via.address});
    if (neighbour != nullptr) changed |= learn(via, *neighbour);
  }
  return changed;
}

void NextHops::Impl::probe_later() {
  if (probing) return;
  probing = true;
  probe_timer.expires_after(kProbeInterval);
  probe_timer.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (self && !error) self->probe_slice(std::nullopt);
  });
}

void NextHops::Impl::probe_slice(std::optional<Via> after) {
  const auto& all = table.neighbours();
  auto it = after ? all.upper_bound(*after) : all.begin();
  for (std::size_t i = 0; i < kSlice && it != all.end(); ++i, ++it) {
    after = it->first;
    const netlink::Link* const link = link_of(it->first);
    if (link == nullptr || !link->running) continue;
    const netlink::Neighbour* const neighbour = state.neighbour({link->index, it->first.address});
    if (neighbour != nullptr && neighbour->state >= netlink::NeighbourState::kConfirmed) continue;
    static_cast<void>(requests.resolve(link->index, it->first.address));
  }
  if (it == all.end()) {
    probing = false;
    probe_later();
    to_refresh.merge(unanswered);
    unanswered.clear();
    refresh_soon();
    return;
  }
  boost::asio::post(io, [weak = weak_from_this(), after] {
    if (const auto self = weak.lock()) self->probe_slice(after);
  });
}

NextHops::NextHops(boost::asio::io_context& io, netlink::Requests& requests,
                   const netlink::State& state, std::span<const Interface> interfaces,
                   Events events)
    : impl_(std::make_shared<Impl>(io, requests, state, interfaces, std::move(events))) {}

NextHops::~NextHops() = default;

void NextHops::add(Address destination, std::optional<NextHopSpec> last_known) {
  impl_->table.add(destination, std::move(last_known));
  impl_->to_refresh.insert(destination);
  impl_->refresh_soon();
  impl_->probe_later();
}

void NextHops::remove(Address destination) {
  impl_->table.remove(destination);
  impl_->to_refresh.erase(destination);
  impl_->unanswered.erase(destination);
  impl_->elsewhere.erase(destination);
}

void NextHops::set_interfaces(std::span<const Interface> interfaces) {
  impl_->interfaces.assign(interfaces.begin(), interfaces.end());
  impl_->to_refresh = impl_->table.destinations();
  impl_->refresh_soon();
}

void NextHops::set_fixed(std::map<Address, MacAddress> fixed) {
  impl_->fixed = std::move(fixed);
}

void NextHops::reverify(Address destination) {
  const auto via = impl_->table.route(destination);
  const netlink::Link* const link = via ? impl_->link_of(*via) : nullptr;
  if (link == nullptr) return;
  const netlink::Neighbour* const neighbour = impl_->state.neighbour({link->index, via->address});
  if (neighbour == nullptr || neighbour->state == netlink::NeighbourState::kPermanent) return;
  static_cast<void>(impl_->requests.resolve_anew(link->index, via->address));
}

void NextHops::on_change(const netlink::Changes& changes) {
  // The kernel does not report routes that are removed with their link or address.
  if (changes.routes || changes.links || changes.addresses) {
    impl_->to_refresh = impl_->table.destinations();
    impl_->refresh_soon();
  }
  bool learnt = false;
  if (changes.all_neighbours) learnt = impl_->learn_all();
  for (const netlink::NeighbourKey& key : changes.neighbours) {
    const Interface* const interface = impl_->interface_of(key.first);
    const netlink::Neighbour* const neighbour = impl_->state.neighbour(key);
    if (interface == nullptr || neighbour == nullptr) continue;
    learnt |= impl_->learn({interface->port, interface->vlan, key.second}, *neighbour);
  }
  if (learnt) impl_->events.changed();
}

const NextHopTable& NextHops::table() const {
  return impl_->table;
}

}  // namespace lb::controlplane
