#include "controlplane/interfaces.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <utility>

#include "config/base/log.h"
#include "controlplane/netlink/announce.h"
#include "controlplane/netlink/sysctl.h"

namespace lb::controlplane {
namespace {

// After a request that the kernel refused: what stood in its way may go without a notification.
constexpr auto kRetry = std::chrono::seconds(1);

// An interface as we met it last.
struct Met {
  int index = 0;
  MacAddress mac;
  std::uint32_t times_started = 0;
};

bool bears(const netlink::State& state, const netlink::Link& link, const Ipv4Prefix& prefix) {
  const auto present = state.addresses(link.index);
  return std::ranges::find(present, prefix, &netlink::Address::prefix) != present.end();
}

}  // namespace

struct Interfaces::Impl : std::enable_shared_from_this<Impl> {
  Impl(boost::asio::io_context& io, netlink::Requests& r, const netlink::State& s,
       const config::Config& config)
      : requests(r),
        state(s),
        interfaces(interfaces_of(config)),
        constant_vips(vips_of(config, interfaces)),
        vips(constant_vips),
        routes(config.routes),
        announcer(io, {config.ha.garp_count, config.ha.garp_interval},
                  [this](const std::string& name) { return state.link(name); }),
        retry(io) {}

  void join_vips();
  void put_all_right();
  void put_right(const Interface& interface);
  void make_vlan(const Interface& interface);
  void ready(const Interface& interface, const netlink::Link& link);
  void put_addresses_right(const Interface& interface, const netlink::Link& link);
  void clean_foreign_vlans();
  void put_routes_right();
  bool on_our_subnets(Ipv4Address gateway) const;
  void announce_vips(const std::string& interface);
  bool note(const std::string& what, const Result<void>& result);
  void retry_later();

  netlink::Requests& requests;
  const netlink::State& state;
  std::vector<Interface> interfaces;
  std::vector<Vip> constant_vips;  // of no HA instance
  std::vector<Vip> ha_vips;        // of HA instances that are master
  std::vector<Vip> vips;           // all that are to be up: both
  std::vector<Vip> undecided;
  bool withdrawn = false;
  std::vector<config::Route> routes;
  netlink::Announcer announcer;
  boost::asio::steady_timer retry;
  bool retrying = false;
  std::map<std::string, Met> met;
  // What failed and why, this time and the time before: each is logged once.
  std::map<std::string, std::string> failures;
  std::map<std::string, std::string> known_failures;
};

void Interfaces::Impl::join_vips() {
  vips = constant_vips;
  vips.insert(vips.end(), ha_vips.begin(), ha_vips.end());
}

void Interfaces::Impl::put_all_right() {
  known_failures = std::exchange(failures, {});
  for (const Interface& interface : interfaces) put_right(interface);
  clean_foreign_vlans();
  put_routes_right();
  if (!failures.empty()) retry_later();
}

void Interfaces::Impl::put_right(const Interface& interface) {
  const netlink::Link* const link = state.link(interface.name);
  if (link == nullptr) {
    if (met.erase(interface.name) != 0) log::warning("interface {} is gone", interface.name);
    if (interface.vlan != 0) make_vlan(interface);
    return;
  }
  Met& last = met[interface.name];
  const bool is_new = last.index != link->index;
  const bool started = !is_new && last.times_started != link->times_started;
  const bool other_mac = !is_new && last.mac != link->mac;
  if (started && last.times_started != 0) {
    log::info("interface {} has its link again", interface.name);
  }
  last = {link->index, link->mac, link->times_started};
  if (is_new) {
    log::info("interface {} is there", interface.name);
    note(interface.name + ": settings", netlink::prepare_interface(interface.name));
  }
  ready(interface, *link);
  put_addresses_right(interface, *link);
  // VIPs that a previous life left here are announced too: it may have died half-way.
  if (is_new || started || other_mac) announce_vips(interface.name);
  if (other_mac) {
    for (const Ipv4Prefix& own : interface.addresses) {
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
      plan_addresses(wanted, wanted_addresses(interface, undecided), state.addresses(link.index));
  for (const Ipv4Prefix& prefix : plan.remove) {
    if (note(interface.name + ": removing " + prefix.to_string(),
             requests.remove_address(link.index, prefix))) {
      log::info("{}: removed address {}", interface.name, prefix.to_string());
      announcer.forget(interface.name, prefix.address);
    }
  }
  for (const Ipv4Prefix& prefix : plan.add) {
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

// A VLAN that an earlier configuration had keeps no address of ours.
void Interfaces::Impl::clean_foreign_vlans() {
  for (const auto& [index, link] : state.links()) {
    const netlink::Link* const parent = state.link(link.parent);
    if (!link.vlan || parent == nullptr ||
        std::ranges::find(interfaces, link.name, &Interface::name) != interfaces.end() ||
        std::ranges::find(interfaces, parent->name, &Interface::name) == interfaces.end()) {
      continue;
    }
    for (const Ipv4Prefix& prefix : plan_addresses({}, {}, state.addresses(index)).remove) {
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

// Whether an interface that is up bears an address in the gateway's subnet: before that, the kernel
// would refuse the route.
bool Interfaces::Impl::on_our_subnets(Ipv4Address gateway) const {
  return std::ranges::any_of(interfaces, [&](const Interface& interface) {
    const netlink::Link* const link = state.link(interface.name);
    return link != nullptr && link->up &&
           std::ranges::any_of(interface.addresses, [&](const Ipv4Prefix& prefix) {
             return prefix.contains(gateway) && bears(state, *link, prefix);
           });
  });
}

void Interfaces::Impl::announce_vips(const std::string& interface) {
  for (const Vip& vip : vips) {
    if (vip.interface == interface) announcer.announce(interface, vip.prefix.address);
  }
}

// Logs a failure that is new. True when there was none.
bool Interfaces::Impl::note(const std::string& what, const Result<void>& result) {
  if (result) return true;
  const std::string& why = result.error().message;
  const auto known = known_failures.find(what);
  if (known == known_failures.end() || known->second != why) log::error("{}: {}", what, why);
  failures[what] = why;
  return false;
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
  if (changes.links || changes.addresses || changes.owned_route) impl_->put_all_right();
}

void Interfaces::configure(const config::Config& config) {
  if (impl_->withdrawn) return;
  impl_->interfaces = interfaces_of(config);
  impl_->constant_vips = vips_of(config, impl_->interfaces);
  impl_->routes = config.routes;
  impl_->join_vips();
  impl_->put_all_right();
}

void Interfaces::set_ha_vips(std::vector<Vip> up, std::vector<Vip> undecided) {
  if (impl_->withdrawn) return;
  const std::vector<Vip> before = impl_->vips;
  impl_->ha_vips = up;
  impl_->join_vips();
  impl_->undecided = std::move(undecided);
  impl_->put_all_right();
  // One that a previous life left here is up already; the neighbours have to hear of it anyway.
  for (const Vip& vip : up) {
    if (std::ranges::find(before, vip) == before.end()) announce(vip);
  }
}

void Interfaces::announce(const Vip& vip) {
  impl_->announcer.announce(vip.interface, vip.prefix.address);
}

void Interfaces::withdraw_vips() {
  impl_->withdrawn = true;
  std::vector<Vip> all = std::exchange(impl_->vips, {});
  const std::vector<Vip> maybe = std::exchange(impl_->undecided, {});
  all.insert(all.end(), maybe.begin(), maybe.end());
  for (const Vip& vip : all) {
    impl_->announcer.forget(vip.interface, vip.prefix.address);
    const netlink::Link* const link = impl_->state.link(vip.interface);
    if (link == nullptr || !bears(impl_->state, *link, vip.prefix)) continue;
    const auto result = impl_->requests.remove_address(link->index, vip.prefix);
    if (impl_->note(vip.interface + ": removing " + vip.prefix.to_string(), result)) {
      log::info("{}: removed VIP {}", vip.interface, vip.prefix.address.to_string());
    }
  }
}

bool Interfaces::complete() const {
  return std::ranges::all_of(impl_->interfaces, [&](const Interface& interface) {
    const netlink::Link* const link = impl_->state.link(interface.name);
    return link != nullptr && link->running &&
           std::ranges::all_of(interface.addresses, [&](const Ipv4Prefix& prefix) {
             return bears(impl_->state, *link, prefix);
           });
  });
}

std::vector<Interfaces::VipStatus> Interfaces::vips() const {
  std::vector<VipStatus> all;
  for (const Vip& vip : impl_->vips) {
    const netlink::Link* const link = impl_->state.link(vip.interface);
    all.push_back({vip, link != nullptr && bears(impl_->state, *link, vip.prefix)});
  }
  return all;
}

}  // namespace lb::controlplane
