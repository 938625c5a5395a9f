#include "controlplane/network/interfaces.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <set>
#include <string>
#include <utility>

#include "config/base/log.h"
#include "controlplane/netlink/announce.h"
#include "controlplane/netlink/sysctl.h"
#include "controlplane/network/interface_pass.h"

namespace lb::controlplane {
namespace {

// After a request that the kernel refused: its cause may end without a notification.
constexpr auto kRetry = std::chrono::seconds(1);

bool has_address(const netlink::State& state, const netlink::Link& link, const Prefix& prefix) {
  const auto present = state.addresses(link.index);
  return std::ranges::find(present, prefix, &netlink::InterfaceAddress::prefix) != present.end();
}

}  // namespace

struct Interfaces::Impl : std::enable_shared_from_this<Impl> {
  Impl(boost::asio::io_context& io, netlink::Requests& r, const netlink::State& s,
       const config::Config& config)
      : requests(r),
        state(s),
        interfaces(interfaces_of(config)),
        vips(vips_of(config, interfaces)),
        ha_vips(vips_of(config.ha)),
        routes(config.routes),
        fixed(fixed_neighbours_of(config)),
        announcer(io, {config.ha.garp_count, config.ha.garp_interval},
                  [this](const std::string& name) { return state.link(name); }),
        retry(io) {}

  void put_all_right();
  void put_right(const Interface& interface);
  void make_vlan(const Interface& interface);
  void ready(const Interface& interface, const netlink::Link& link);
  void put_addresses_right(const Interface& interface, const netlink::Link& link);
  void clean_foreign_vlans();
  void put_routes_right();
  void put_neighbours_right();
  bool is_wanted(const netlink::Neighbour& neighbour) const;
  bool concerns_neighbours(const netlink::Changes& changes) const;
  bool on_our_subnets(Address gateway) const;
  void announce_vips(const std::string& interface);
  bool note(const std::string& what, const Result<void>& result) {
    return failures.note(what, result);
  }
  void retry_later();

  netlink::Requests& requests;
  const netlink::State& state;
  std::vector<Interface> interfaces;
  std::vector<Vip> vips;     // of no HA instance
  std::vector<Vip> ha_vips;  // of others
  bool withdrawn = false;
  std::vector<config::Route> routes;
  std::vector<FixedNeighbour> fixed;
  netlink::Announcer announcer;
  boost::asio::steady_timer retry;
  bool retrying = false;
  SeenInterfaces seen;
  std::set<std::string> unprepared;  // interfaces without the settings of netlink/sysctl.h
  PassFailures failures;
  LogLimit links{10};  // lines about their states
  LogLimit neighbours{5};
};

void Interfaces::Impl::put_all_right() {
  failures.begin_pass();
  for (const Interface& interface : interfaces) put_right(interface);
  clean_foreign_vlans();
  put_routes_right();
  put_neighbours_right();
  if (failures.any()) retry_later();
}

void Interfaces::Impl::put_right(const Interface& interface) {
  const netlink::Link* const link = state.link(interface.name);
  if (link == nullptr) {
    if (seen.remove(interface.name)) {
      links.write(log::Level::kWarning, "", interface.name, "interface {} disappeared",
                  interface.name);
    }
    if (interface.vlan != 0) make_vlan(interface);
    return;
  }
  const SeenInterfaces::Change change = seen.update(*link);
  if (change.stopped) {
    links.write(log::Level::kWarning, "", interface.name, "interface {}: link is down",
                interface.name);
  } else if (change.started && !change.first_start) {
    links.write(log::Level::kInfo, "", interface.name, "interface {}: link is up again",
                interface.name);
  }
  if (change.is_new) {
    links.write(log::Level::kInfo, "", interface.name, "interface {} appeared", interface.name);
    unprepared.insert(interface.name);
  }
  if (unprepared.contains(interface.name) &&
      note(interface.name + ": settings", netlink::prepare_interface(interface.name))) {
    unprepared.erase(interface.name);
  }
  ready(interface, *link);
  put_addresses_right(interface, *link);
  // VIPs that a previous process left here are announced too: it may have died before it did.
  if (change.any()) announce_vips(interface.name);
  if (change.other_mac) {
    for (const Prefix& own : interface.addresses) {
      announcer.announce(interface.name, own.address);
    }
  }
}

void Interfaces::Impl::make_vlan(const Interface& interface) {
  const netlink::Link* const parent = state.link(interface.port);
  if (parent == nullptr) return;
  note(interface.name + ": VLAN " + std::to_string(interface.vlan) + " on " + interface.port,
       requests.add_vlan(parent->index, interface.name, interface.vlan));
}

void Interfaces::Impl::ready(const Interface& interface, const netlink::Link& link) {
  if (link.mtu != interface.mtu) {
    note(interface.name + ": MTU " + std::to_string(interface.mtu),
         requests.set_link(link.index, false, interface.mtu));
  }
  if (!link.up) {
    note(interface.name + ": up", requests.set_link(link.index, true, std::nullopt));
  }
}

void Interfaces::Impl::put_addresses_right(const Interface& interface, const netlink::Link& link) {
  const auto wanted = wanted_addresses(interface, vips);
  const auto plan =
      plan_addresses(wanted, wanted_addresses(interface, ha_vips), state.addresses(link.index));
  for (const Prefix& prefix : plan.remove) {
    if (note(interface.name + ": removing " + prefix.to_string(),
             requests.remove_address(link.index, prefix))) {
      log::info("{}: removed address {}", interface.name, prefix.to_string());
      announcer.forget(interface.name, prefix.address);
    }
  }
  for (const Prefix& prefix : plan.add) {
    if (!note(interface.name + ": address " + prefix.to_string(),
              requests.add_address(link.index, prefix))) {
      continue;
    }
    log::info("{}: added address {}", interface.name, prefix.to_string());
    if (std::ranges::find(vips, Vip{prefix, interface.name}) != vips.end()) {
      announcer.announce(interface.name, prefix.address);
    }
  }
}

// A VLAN of an earlier configuration keeps no address of ours.
void Interfaces::Impl::clean_foreign_vlans() {
  for (const auto& [index, link] : state.links()) {
    const netlink::Link* const parent = state.link(link.parent);
    if (!link.vlan || parent == nullptr ||
        std::ranges::find(interfaces, link.name, &Interface::name) != interfaces.end() ||
        std::ranges::find(interfaces, parent->name, &Interface::name) == interfaces.end()) {
      continue;
    }
    for (const Prefix& prefix : plan_addresses({}, {}, state.addresses(index)).remove) {
      note(link.name + ": removing " + prefix.to_string(), requests.remove_address(index, prefix));
    }
  }
}

void Interfaces::Impl::put_routes_right() {
  const auto present = requests.owned_routes();
  if (!present) {
    note("reading routes", tl::make_unexpected(present.error()));
    return;
  }
  const RoutePlan plan = plan_routes(routes, *present);
  const auto name = [](const netlink::Route& route) {
    return "route " + route.destination.to_string() + " via " + route.via.to_string();
  };
  for (const netlink::Route& route : plan.remove) {
    if (note("removing " + name(route), requests.remove_route(route))) {
      log::info("removed {}", name(route));
    }
  }
  for (const netlink::Route& route : plan.add) {
    if (!on_our_subnets(route.via)) continue;
    if (note(name(route), requests.add_route(route))) log::info("added {}", name(route));
  }
}

bool Interfaces::Impl::is_wanted(const netlink::Neighbour& neighbour) const {
  const netlink::Link* const link = state.link(neighbour.index);
  return link != nullptr && std::ranges::find(fixed, FixedNeighbour{link->name, neighbour.address,
                                                                    neighbour.mac}) != fixed.end();
}

// The kernel forgets them with their interface; and what a previous process left may be wrong.
void Interfaces::Impl::put_neighbours_right() {
  const auto name = [](Address address, const MacAddress& mac) {
    return "neighbour " + address.to_string() + " at " + mac.to_string();
  };
  for (const auto& [key, neighbour] : state.neighbours()) {
    if (!neighbour.owned || neighbour.state != netlink::NeighbourState::kPermanent) continue;
    if (is_wanted(neighbour)) continue;
    const std::string what = name(neighbour.address, neighbour.mac);
    if (note("removing " + what, requests.remove_neighbour(neighbour.index, neighbour.address))) {
      log::info("removed {}", what);
    }
  }
  for (const FixedNeighbour& wanted : fixed) {
    const netlink::Link* const link = state.link(wanted.interface);
    if (link == nullptr || !link->up) continue;
    const netlink::Neighbour* const known = state.neighbour({link->index, wanted.address});
    if (known != nullptr && known->owned && known->mac == wanted.mac &&
        known->state == netlink::NeighbourState::kPermanent) {
      continue;
    }
    const std::string what = name(wanted.address, wanted.mac);
    if (note(what, requests.set_neighbour(link->index, wanted.address, wanted.mac))) {
      neighbours.write(log::Level::kInfo, "", wanted.address.to_string(), "{}: set {}",
                       wanted.interface, what);
    }
  }
}

bool Interfaces::Impl::concerns_neighbours(const netlink::Changes& changes) const {
  return std::ranges::any_of(changes.neighbours, [this](const netlink::NeighbourKey& key) {
    return std::ranges::find(fixed, key.second, &FixedNeighbour::address) != fixed.end();
  });
}

// Whether an interface that is up has an address in the gateway's subnet: before that, the kernel
// would refuse the route.
bool Interfaces::Impl::on_our_subnets(Address gateway) const {
  return std::ranges::any_of(interfaces, [&](const Interface& interface) {
    const netlink::Link* const link = state.link(interface.name);
    return link != nullptr && link->up &&
           std::ranges::any_of(interface.addresses, [&](const Prefix& prefix) {
             return prefix.contains(gateway) && has_address(state, *link, prefix);
           });
  });
}

void Interfaces::Impl::announce_vips(const std::string& interface) {
  for (const Vip& vip : vips) {
    if (vip.interface == interface) announcer.announce(interface, vip.prefix.address);
  }
}

void Interfaces::Impl::retry_later() {
  if (retrying) return;
  retrying = true;
  retry.expires_after(kRetry);
  retry.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (!self || error) return;
    self->retrying = false;
    self->put_all_right();
  });
}

Interfaces::Interfaces(boost::asio::io_context& io, netlink::Requests& requests,
                       const netlink::State& state, const config::Config& config)
    : impl_(std::make_shared<Impl>(io, requests, state, config)) {}

Interfaces::~Interfaces() = default;

void Interfaces::on_change(const netlink::Changes& changes) {
  if (changes.links || changes.addresses || changes.owned_route ||
      impl_->concerns_neighbours(changes)) {
    impl_->put_all_right();
  }
}

void Interfaces::configure(const config::Config& config) {
  if (impl_->withdrawn) return;
  impl_->interfaces = interfaces_of(config);
  impl_->vips = vips_of(config, impl_->interfaces);
  impl_->routes = config.routes;
  impl_->fixed = fixed_neighbours_of(config);
  impl_->put_all_right();
}

void Interfaces::withdraw_vips() {
  impl_->withdrawn = true;
  for (const Vip& vip : std::exchange(impl_->vips, {})) {
    impl_->announcer.forget(vip.interface, vip.prefix.address);
    const netlink::Link* const link = impl_->state.link(vip.interface);
    if (link == nullptr || !has_address(impl_->state, *link, vip.prefix)) continue;
    const auto result = impl_->requests.remove_address(link->index, vip.prefix);
    if (impl_->note(vip.interface + ": removing " + vip.prefix.to_string(), result)) {
      log::info("{}: removed VIP {}", vip.interface, vip.prefix.address.to_string());
    }
  }
}

void Interfaces::release_neighbours() {
  impl_->fixed.clear();
  impl_->put_neighbours_right();
}

bool Interfaces::complete() const {
  return std::ranges::all_of(impl_->interfaces, [&](const Interface& interface) {
    const netlink::Link* const link = impl_->state.link(interface.name);
    return link != nullptr && link->running &&
           std::ranges::all_of(interface.addresses, [&](const Prefix& prefix) {
             return has_address(impl_->state, *link, prefix);
           });
  });
}

std::vector<Interfaces::VipStatus> Interfaces::vips() const {
  std::vector<VipStatus> all;
  for (const Vip& vip : impl_->vips) {
    const netlink::Link* const link = impl_->state.link(vip.interface);
    all.push_back({vip, link != nullptr && has_address(impl_->state, *link, vip.prefix)});
  }
  return all;
}

}  // namespace lb::controlplane
