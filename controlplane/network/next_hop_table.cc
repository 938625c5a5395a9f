#include "controlplane/network/next_hop_table.h"

#include <utility>

namespace lb::controlplane {

void NextHopTable::add(Address destination, std::optional<NextHopSpec> last_known) {
  Destination& entry = destinations_[destination];
  if (!entry.next_hop) entry.next_hop = std::move(last_known);
}

void NextHopTable::remove(Address destination) {
  const auto it = destinations_.find(destination);
  if (it == destinations_.end()) return;
  if (it->second.via) unlink(destination, *it->second.via);
  destinations_.erase(it);
}

void NextHopTable::unlink(Address destination, const Via& via) {
  const auto neighbour = neighbours_.find(via);
  neighbour->second.users.erase(destination);
  if (neighbour->second.users.empty()) neighbours_.erase(neighbour);
}

bool NextHopTable::set_route(Address destination, std::optional<Via> via) {
  const auto it = destinations_.find(destination);
  if (it == destinations_.end()) return false;
  Destination& entry = it->second;
  if (entry.via == via) return false;
  const bool was_direct = direct(destination);
  if (entry.via) unlink(destination, *entry.via);
  entry.via = std::move(via);
  bool changed = was_direct != direct(destination);
  if (!entry.via) return changed;
  Neighbour& neighbour = neighbours_[*entry.via];
  neighbour.users.insert(destination);
  if (!neighbour.mac) return changed;
  const NextHopSpec next_hop{entry.via->port, entry.via->vlan, *neighbour.mac};
  changed |= entry.next_hop != next_hop;
  entry.next_hop = next_hop;
  return changed;
}

bool NextHopTable::set_mac(const Via& via, const MacAddress& mac) {
  const auto neighbour = neighbours_.find(via);
  // Thousands of destinations may have one gateway, and each needs its MAC.
  if (neighbour == neighbours_.end() || neighbour->second.mac == mac) return false;
  neighbour->second.mac = mac;
  const NextHopSpec next_hop{via.port, via.vlan, mac};
  bool changed = false;
  for (const Address destination : neighbour->second.users) {
    Destination& entry = destinations_.at(destination);
    if (entry.next_hop == next_hop) continue;
    entry.next_hop = next_hop;
    changed = true;
  }
  return changed;
}

std::optional<NextHopSpec> NextHopTable::find(Address destination) const {
  const auto it = destinations_.find(destination);
  return it == destinations_.end() ? std::nullopt : it->second.next_hop;
}

std::optional<Via> NextHopTable::route(Address destination) const {
  const auto it = destinations_.find(destination);
  return it == destinations_.end() ? std::nullopt : it->second.via;
}

bool NextHopTable::direct(Address destination) const {
  const auto via = route(destination);
  return !via || via->address == destination;
}

std::set<Address> NextHopTable::destinations() const {
  std::set<Address> all;
  for (const auto& [destination, entry] : destinations_) all.insert(destination);
  return all;
}

}  // namespace lb::controlplane
