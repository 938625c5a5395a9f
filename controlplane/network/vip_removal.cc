#include "controlplane/network/vip_removal.h"

#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <set>
#include <string>
#include <utility>

#include "config/base/log.h"

namespace lb::controlplane {
namespace {

// For a thread that is adding an address just now. One that hangs in it is not waited for.
constexpr std::chrono::milliseconds kAdding{100};

}  // namespace

Result<std::shared_ptr<VipRemoval>> VipRemoval::open() {
  auto requests = netlink::Requests::open();
  if (!requests) return tl::make_unexpected(requests.error());
  return std::shared_ptr<VipRemoval>(new VipRemoval(std::move(*requests)));
}

void VipRemoval::set(std::vector<Vip> vips) {
  const std::lock_guard lock(mutex_);
  vips_ = std::move(vips);
}

void VipRemoval::add(const std::vector<Vip>& vips) {
  const std::lock_guard lock(mutex_);
  vips_.insert(vips_.end(), vips.begin(), vips.end());
}

void VipRemoval::run() {
  const bool ended = netlink::Requests::end_additions(kAdding);
  remove();
  if (ended) return;
  // What that thread was adding may have come after the others were read.
  netlink::Requests::end_additions(kAdding);
  remove();
}

void VipRemoval::remove() {
  const auto links = requests_.links();
  if (!links) log::error("reading links: {}", links.error().message);
  const auto index_of = [&](const std::string& interface) {
    // When they could not be read, each one is asked for.
    if (!links) return static_cast<int>(::if_nametoindex(interface.c_str()));
    const auto link = std::ranges::find(*links, interface, &netlink::Link::name);
    return link == links->end() ? 0 : link->index;
  };
  const auto addresses = requests_.addresses();
  std::set<std::pair<int, Address>> present;
  if (addresses) {
    for (const auto& each : *addresses) present.emplace(each.index, each.prefix.address);
  }
  std::size_t count = 0;
  const std::lock_guard lock(mutex_);
  for (const Vip& vip : vips_) {
    const int index = index_of(vip.interface);
    if (index == 0) {
      if (!links && errno != ENODEV) {
        log::error("{}: VIP {} is still there: {}", vip.interface, vip.prefix.to_string(),
                   std::strerror(errno));
      }
      continue;
    }
    // When they could not be read, each one may be there.
    if (addresses && !present.contains({index, vip.prefix.address})) continue;
    ++count;
    if (auto removed = requests_.remove_address(index, vip.prefix); !removed) {
      log::error("{}: VIP {} is still there: {}", vip.interface, vip.prefix.to_string(),
                 removed.error().message);
    }
  }
  if (count != 0) {
    log::warning("removed {} VIP{} in place of a thread that hangs", count, count == 1 ? "" : "s");
  }
}

}  // namespace lb::controlplane
