#include "controlplane/netlink/state.h"

#include <algorithm>

namespace lb::netlink {
namespace {

bool same_but_starts(const Link& a, const Link& b) {
  return a.index == b.index && a.name == b.name && a.parent == b.parent && a.vlan == b.vlan &&
         a.up == b.up && a.running == b.running && a.mtu == b.mtu && a.mac == b.mac;
}

}  // namespace

void State::put(Link link) {
  const int index = link.index;
  const auto [it, is_new] = links_.try_emplace(index);
  Link& known = it->second;
  // The kernel also notifies of statistics and options that we do not keep.
  if (!is_new && same_but_starts(known, link)) return;
  const bool started = link.running && (is_new || !known.running);
  link.times_started = known.times_started + (started ? 1 : 0);
  known = std::move(link);
  changes_.links = true;
}

void State::remove_link(int index) {
  if (links_.erase(index) == 0) return;
  changes_.links = true;
  addresses_.erase(index);
  const auto first = neighbours_.lower_bound({index, Address{}});
  auto last = first;
  while (last != neighbours_.end() && last->first.first == index) ++last;
  neighbours_.erase(first, last);
}

void State::put(const InterfaceAddress& address) {
  std::vector<InterfaceAddress>& on_link = addresses_[address.index];
  const auto it = std::ranges::find(on_link, address.prefix, &InterfaceAddress::prefix);
  if (it == on_link.end()) {
    on_link.push_back(address);
  } else if (*it == address) {
    return;
  } else {
    *it = address;
  }
  changes_.addresses = true;
}

void State::remove(const InterfaceAddress& address) {
  const auto it = addresses_.find(address.index);
  if (it == addresses_.end()) return;
  const auto same = [&](const InterfaceAddress& a) { return a.prefix == address.prefix; };
  if (std::erase_if(it->second, same) != 0) changes_.addresses = true;
}

void State::put(const Neighbour& neighbour) {
  const NeighbourKey key{neighbour.index, neighbour.address};
  neighbours_.insert_or_assign(key, neighbour);
  changes_.neighbours.push_back(key);
}

void State::remove(const NeighbourKey& key) {
  if (neighbours_.erase(key) != 0) changes_.neighbours.push_back(key);
}

void State::note_route_change(bool owned_removed) {
  changes_.routes = true;
  changes_.owned_route = changes_.owned_route || owned_removed;
}

void State::replace(std::vector<Link> links, const std::vector<InterfaceAddress>& addresses,
                    const std::vector<Neighbour>& neighbours) {
  std::vector<int> gone;
  for (const auto& [index, link] : links_) {
    if (std::ranges::find(links, index, &Link::index) == links.end()) gone.push_back(index);
  }
  for (const int index : gone) remove_link(index);
  for (Link& link : links) put(std::move(link));
  addresses_.clear();
  for (const InterfaceAddress& address : addresses) put(address);
  neighbours_.clear();
  for (const Neighbour& n : neighbours) neighbours_.insert_or_assign({n.index, n.address}, n);
  changes_ = {.links = true,
              .addresses = true,
              .routes = true,
              .owned_route = true,
              .all_neighbours = true,
              .neighbours = {}};
}

const Link* State::link(int index) const {
  const auto it = links_.find(index);
  return it == links_.end() ? nullptr : &it->second;
}

const Link* State::link(std::string_view name) const {
  for (const auto& [index, link] : links_) {
    if (link.name == name) return &link;
  }
  return nullptr;
}

std::vector<InterfaceAddress> State::addresses(int index) const {
  const auto it = addresses_.find(index);
  return it == addresses_.end() ? std::vector<InterfaceAddress>{} : it->second;
}

const Neighbour* State::neighbour(const NeighbourKey& key) const {
  const auto it = neighbours_.find(key);
  return it == neighbours_.end() ? nullptr : &it->second;
}

}  // namespace lb::netlink
