#include "controlplane/next_hop_table.h"

#include <utility>

namespace lb::controlplane {

void NextHopTable::add(Ipv4Address destination, std::optional<NextHop> last_known) {
  Destination& entry = destinations_[destination];
  if (!entry.next_hop) entry.next_hop = std::move(last_known);
}

void NextHopTable::remove(Ipv4Address destination) {
  const auto it = destinations_.find(destination);
  if (it == destinations_.end()) return;
  if (it->second.via) unlink(destination, *it->second.via);
  destinations_.erase(it);
}

void NextHopTable::unlink(Ipv4Address destination, const Via& via) {
  const auto users = users_.find(via);
  users->second.erase(destination);
  if (users->second.empty()) users_.erase(users);
}

bool NextHopTable::set_route(Ipv4Address destination, std::optional<Via> via) {
  const auto it = destinations_.find(destination);
  if (it == destinations_.end()) return false;
  Destination& entry = it->second;
  if (entry.via == via) return false;
  const bool was_direct = direct(destination);
  if (entry.via) unlink(destination, *entry.via);
  entry.via = std::move(via);
  if (entry.via) users_[*entry.via].insert(destination);
  return was_direct != direct(destination);
}

bool NextHopTable::set_mac(const Via& via, const MacAddress& mac) {
  const auto users = users_.find(via);
  if (users == users_.end()) return false;
  const NextHop next_hop{via.port, via.vlan, mac};
  bool changed = false;
  for (const Ipv4Address destination : users->second) {
    Destination& entry = destinations_.at(destination);
    if (entry.next_hop == next_hop) continue;
    entry.next_hop = next_hop;
    changed = true;
  }
  return changed;
}

std::optional<NextHop> NextHopTable::find(Ipv4Address destination) const {
  const auto it = destinations_.find(destination);
  return it == destinations_.end() ? std::nullopt : it->second.next_hop;
}

std::optional<Via> NextHopTable::route(Ipv4Address destination) const {
  const auto it = destinations_.find(destination);
  return it == destinations_.end() ? std::nullopt : it->second.via;
}

bool NextHopTable::direct(Ipv4Address destination) const {
  const auto via = route(destination);
  return !via || via->address == destination;
}

std::set<Ipv4Address> NextHopTable::destinations() const {
  std::set<Ipv4Address> all;
  for (const auto& [destination, entry] : destinations_) all.insert(destination);
  return all;
}

}  // namespace lb::controlplane
