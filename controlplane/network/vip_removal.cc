#include "controlplane/network/vip_removal.h"

#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "config/base/log.h"

namespace lb::controlplane {
namespace {

// For a thread that is adding an address just now. One that hangs in it is not waited for.
constexpr std::chrono::milliseconds kAdding{100};
// After a removal that the kernel has refused.
constexpr std::chrono::milliseconds kRemoveAgainAfter{20};

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
  bool done = remove();
  if (!ended) {
    // What that thread was adding may have come after the others were read.
    netlink::Requests::end_additions(kAdding);
    done = remove();
  }
  for (; !done; done = remove()) std::this_thread::sleep_for(kRemoveAgainAfter);
}

// False: some are still there.
bool VipRemoval::remove() {
  const std::lock_guard lock(mutex_);
  const auto links = requests_.links();
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
  std::size_t left = 0;
  for (const Vip& vip : vips_) {
    const int index = index_of(vip.interface);
    if (index == 0) {
      if (!links && errno != ENODEV) {
        ++left;
        report(vip, std::strerror(errno));
      }
      continue;
    }
    // When they could not be read, each one may be there.
    if (addresses && !present.contains({index, vip.prefix.address})) continue;
    if (auto removed = requests_.remove_address(index, vip.prefix); !removed) {
      ++left;
      report(vip, removed.error().message);
    } else {
      log::warning("{}: removed VIP {}, which was left", vip.interface, vip.prefix.to_string());
    }
  }
  return left == 0;
}

// Once for each: it is tried again many times.
void VipRemoval::report(const Vip& vip, const std::string& why) {
  if (std::ranges::find(reported_, vip) != reported_.end()) return;
  reported_.push_back(vip);
  log::error("{}: VIP {} is still there, trying again: {}", vip.interface, vip.prefix.to_string(),
             why);
}

}  // namespace lb::controlplane
