#include "controlplane/failover/vips.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <utility>

#include "config/base/log.h"
#include "controlplane/netlink/announce.h"
#include "controlplane/network/interface_pass.h"

namespace lb::controlplane {
namespace {

// After a request that the kernel refused: its cause may end without a notification.
constexpr auto kRetry = std::chrono::seconds(1);

bool contains(const std::vector<Vip>& vips, const Vip& vip) {
  return std::ranges::find(vips, vip) != vips.end();
}

}  // namespace

struct Vips::Impl : std::enable_shared_from_this<Impl> {
  Impl(boost::asio::io_context& io, netlink::Requests& r, const netlink::State& s,
       const Settings& settings)
      : requests(r),
        state(s),
        interfaces(settings.interfaces),
        all(vips_of(settings.ha)),
        announcer(io, {settings.ha.garp_count, settings.ha.garp_interval},
                  [this](const std::string& name) { return state.link(name); }),
        retry(io) {}

  void put_all_right();
  void put_right(const Interface& interface, const netlink::Link& link);
  AddressPlan plan(const Interface& interface, const netlink::Link& link) const;
  bool may_follow_own(const Interface& interface, const netlink::Link& link,
                      const Prefix& prefix) const;
  bool present(const Vip& vip) const;
  void remove(const std::string& interface, int index, const Prefix& prefix);
  void retry_later();

  netlink::Requests& requests;
  const netlink::State& state;
  std::vector<Interface> interfaces;
  std::vector<Vip> all;  // of every instance
  std::vector<Vip> up;
  std::vector<Vip> undecided;
  std::vector<Vip> added;  // of which the kernel's notification is still to come
  bool withdrawn = false;
  netlink::Announcer announcer;
  boost::asio::steady_timer retry;
  bool retrying = false;
  SeenInterfaces seen;
  PassFailures failures;
};

void Vips::Impl::put_all_right() {
  failures.begin_pass();
  for (const Interface& interface : interfaces) {
    const netlink::Link* const link = state.link(interface.name);
    if (link == nullptr) {
      seen.remove(interface.name);
    } else {
      put_right(interface, *link);
    }
  }
  if (failures.any()) retry_later();
}

void Vips::Impl::put_right(const Interface& interface, const netlink::Link& link) {
  const bool anew = seen.update(link).any();
  std::erase_if(added,
                [&](const Vip& vip) { return vip.interface == interface.name && present(vip); });
  const AddressPlan todo = plan(interface, link);
  for (const Prefix& prefix : todo.remove) remove(interface.name, link.index, prefix);
  for (const Prefix& prefix : todo.add) {
    if (!may_follow_own(interface, link, prefix) ||
        !failures.note(interface.name + ": address " + prefix.to_string(),
                       requests.add_address(link.index, prefix))) {
      continue;
    }
    log::info("{}: added address {}", interface.name, prefix.to_string());
    if (const Vip vip{prefix, interface.name}; !contains(added, vip)) added.push_back(vip);
    announcer.announce(interface.name, prefix.address);
  }
  if (!anew) return;
  // Also those that a previous process left here: it may have died before it announced them.
  for (const Vip& vip : up) {
    if (vip.interface == interface.name) announcer.announce(interface.name, vip.prefix.address);
  }
}

// Addresses that no HA instance has are not touched.
AddressPlan Vips::Impl::plan(const Interface& interface, const netlink::Link& link) const {
  std::vector<Prefix> wanted;
  for (const Vip& vip : up) {
    if (vip.interface == interface.name) wanted.push_back(vip.prefix);
  }
  std::vector<netlink::InterfaceAddress> ours = state.addresses(link.index);
  std::erase_if(ours, [&](const netlink::InterfaceAddress& each) {
    return !contains(all, {each.prefix, interface.name});
  });
  // The owner of an address has it anyway.
  std::vector<Prefix> left = interface.addresses;
  for (const Vip& vip : undecided) {
    if (vip.interface == interface.name) left.push_back(vip.prefix);
  }
  AddressPlan todo = plan_addresses(wanted, left, ours);
  std::erase_if(todo.add, [&](const Prefix& prefix) {
    return std::ranges::find(interface.addresses, prefix) != interface.addresses.end();
  });
  for (const Vip& vip : added) {
    if (vip.interface != interface.name || contains(up, vip) || contains(undecided, vip)) continue;
    if (std::ranges::find(todo.remove, vip.prefix) != todo.remove.end()) continue;
    todo.remove.push_back(vip.prefix);
  }
  return todo;
}

// The kernel uses the first address of a subnet as source; it must be the interface's
// own, which the main loop adds.
bool Vips::Impl::may_follow_own(const Interface& interface, const netlink::Link& link,
                                const Prefix& prefix) const {
  const auto there = state.addresses(link.index);
  return std::ranges::all_of(interface.addresses, [&](const Prefix& own) {
    return !own.contains(prefix.address) ||
           std::ranges::find(there, own, &netlink::InterfaceAddress::prefix) != there.end();
  });
}

bool Vips::Impl::present(const Vip& vip) const {
  const netlink::Link* const link = state.link(vip.interface);
  if (link == nullptr) return false;
  const auto there = state.addresses(link->index);
  return std::ranges::find(there, vip.prefix, &netlink::InterfaceAddress::prefix) != there.end();
}

void Vips::Impl::remove(const std::string& interface, int index, const Prefix& prefix) {
  announcer.forget(interface, prefix.address);
  if (!failures.note(interface + ": removing " + prefix.to_string(),
                     requests.remove_address(index, prefix))) {
    return;
  }
  std::erase(added, Vip{prefix, interface});
  log::info("{}: removed address {}", interface, prefix.to_string());
}

void Vips::Impl::retry_later() {
  if (std::exchange(retrying, true)) return;
  retry.expires_after(kRetry);
  retry.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (!self || error) return;
    self->retrying = false;
    self->put_all_right();
  });
}

Vips::Vips(boost::asio::io_context& io, netlink::Requests& requests, const netlink::State& state,
           const Settings& settings)
    : impl_(std::make_shared<Impl>(io, requests, state, settings)) {}

Vips::~Vips() = default;

void Vips::configure(const std::vector<Interface>& interfaces) {
  impl_->interfaces = interfaces;
  on_change();
}

void Vips::on_change() {
  if (!impl_->withdrawn) impl_->put_all_right();
}

void Vips::set(std::vector<Vip> up, std::vector<Vip> undecided) {
  if (impl_->withdrawn) return;
  const std::vector<Vip> before = std::exchange(impl_->up, std::move(up));
  impl_->undecided = std::move(undecided);
  impl_->put_all_right();
  // One that a previous process left here is up already, but must still be announced.
  for (const Vip& vip : impl_->up) {
    if (!contains(before, vip)) announce(vip);
  }
}

void Vips::announce(const Vip& vip) {
  impl_->announcer.announce(vip.interface, vip.prefix.address);
}

void Vips::withdraw() {
  impl_->withdrawn = true;
  std::vector<Vip> all = std::exchange(impl_->up, {});
  const std::vector<Vip> maybe = std::exchange(impl_->undecided, {});
  all.insert(all.end(), maybe.begin(), maybe.end());
  for (const Vip& vip : all) {
    const netlink::Link* const link = impl_->state.link(vip.interface);
    if (link == nullptr || !(impl_->present(vip) || contains(impl_->added, vip))) continue;
    impl_->remove(vip.interface, link->index, vip.prefix);
  }
}

std::vector<Vips::Status> Vips::status() const {
  std::vector<Status> statuses;
  for (const Vip& vip : impl_->up) statuses.push_back({vip, impl_->present(vip)});
  return statuses;
}

}  // namespace lb::controlplane
