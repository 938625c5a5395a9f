#include "controlplane/network/hop_history.h"

#include <algorithm>
#include <utility>

namespace lb::controlplane {

void HopHistory::restore(Address address, const NextHopSpec& hop, Time now) {
  if (entries_.size() >= kMostAddresses) return;
  Entry entry;
  entry.hop = hop;
  entry.presence = Presence::kRemoved;
  entry.since = now;
  entries_.insert_or_assign(address, std::move(entry));
}

const NextHopSpec* HopHistory::find(Address address) const {
  const auto it = entries_.find(address);
  return it == entries_.end() ? nullptr : &it->second.hop;
}

// An address that the kernel has lost makes room for a new one.
bool HopHistory::has_room() {
  if (entries_.size() < kMostAddresses) return true;
  auto oldest = entries_.end();
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (it->second.presence == Presence::kKnown || undecided_.contains(it->first)) continue;
    if (oldest == entries_.end() || it->second.since < oldest->second.since) oldest = it;
  }
  if (oldest == entries_.end()) return false;
  changed_.insert(oldest->first);
  entries_.erase(oldest);
  return true;
}

// ---- the kernel's neighbours

void HopHistory::found(Address address, const NextHopSpec& hop, Time now) {
  auto it = entries_.find(address);
  if (it == entries_.end()) {
    if (!has_room()) return;
    it = entries_.try_emplace(address).first;
    it->second.hop = hop;
    changed_.insert(address);
  }
  Entry& entry = it->second;
  if (entry.hop != hop) {
    std::erase(entry.left, entry.hop);
    entry.left.push_back(std::exchange(entry.hop, hop));
    std::erase(entry.left, hop);  // it is back
    if (entry.left.empty()) {
      undecided_.erase(address);
    } else {
      undecided_.insert(address);
    }
    changed_.insert(address);
    entry.asked.reset();
  } else if (entry.asked && entry.cleared) {
    entry.answered = true;
  }
  entry.presence = Presence::kKnown;
  entry.since = now;
}

void HopHistory::lose(Address address, const std::string& port, std::uint16_t vlan, Presence how,
                      Time now) {
  const auto it = entries_.find(address);
  if (it == entries_.end()) return;
  Entry& entry = it->second;
  if (entry.hop.port != port || entry.hop.vlan != vlan) return;
  entry.cleared = true;
  // The kernel removes what has failed: that says nothing new.
  if (entry.presence == how || entry.presence == Presence::kFailed) return;
  entry.presence = how;
  entry.since = now;
}

void HopHistory::removed(Address address, const std::string& port, std::uint16_t vlan, Time now) {
  lose(address, port, vlan, Presence::kRemoved, now);
}

void HopHistory::failed(Address address, const std::string& port, std::uint16_t vlan, Time now) {
  lose(address, port, vlan, Presence::kFailed, now);
}

void HopHistory::forget_old(Time now) {
  std::erase_if(entries_, [&](const auto& item) {
    const auto& [address, entry] = item;
    if (entry.presence == Presence::kKnown || now - entry.since < kMemory) return false;
    undecided_.erase(address);
    changed_.insert(address);
    return true;
  });
}

// ---- decisions

// Whether it is still open if the other address is where it was; asks it when it was not asked yet.
bool HopHistory::waits_for(Address other, Decision& decision, Time now) {
  Entry& entry = entries_.at(other);
  if (!entry.asked) {
    entry.asked = now;
    entry.cleared = entry.presence != Presence::kKnown;
    entry.answered = false;
    decision.ask.push_back(other);
  }
  const Time end = *entry.asked + kAnswerTime;
  if (now >= end) {
    entry.presence = Presence::kFailed;
    return false;
  }
  decision.again = decision.again ? std::min(*decision.again, end) : end;
  return true;
}

// Of the connections of a hop that `address` has left and where `others` were.
HopHistory::Verdict HopHistory::judge(Address address, std::vector<Address> others,
                                      Decision& decision, Time now) {
  std::erase_if(others, [&](Address other) {
    return other == address || entries_.at(other).presence == Presence::kFailed;
  });
  if (others.empty()) return Verdict::kFollow;
  const auto is_gateway = [&](Address each) { return gateways_.contains(each); };
  if (is_gateway(address) && std::ranges::none_of(others, is_gateway)) return Verdict::kFollow;
  if (others.size() > kMostAsked) others.resize(kMostAsked);
  settled_.insert(others.begin(), others.end());
  const auto answered = [&](Address other) {
    const Entry& entry = entries_.at(other);
    return entry.asked && entry.answered;
  };
  if (std::ranges::any_of(others, answered)) return Verdict::kStay;
  bool waits = false;
  for (const Address other : others) waits |= waits_for(other, decision, now);
  if (!waits) return Verdict::kFollow;
  for (const Address other : others) settled_.erase(other);
  return Verdict::kWait;
}

void HopHistory::decide(Address address, const Users& users, Decision& decision, Time now) {
  Entry& entry = entries_.at(address);
  std::erase_if(entry.left, [&](const NextHopSpec& from) {
    const auto there = users.find(key_of(from));
    const Verdict verdict = judge(
        address, there == users.end() ? std::vector<Address>() : there->second, decision, now);
    // Of two addresses that leave a hop at once, the first one takes its connections along.
    if (verdict == Verdict::kFollow &&
        std::ranges::find(decision.moves, from, &Move::from) == decision.moves.end()) {
      decision.moves.push_back({from, entry.hop});
    }
    return verdict != Verdict::kWait;
  });
  if (entry.left.empty()) undecided_.erase(address);
}

HopHistory::Decision HopHistory::decide(Time now) {
  Decision decision;
  if (!undecided_.empty()) {
    // Whose connections are there. Those of an address that just came are not, yet.
    Users users;
    for (const auto& [address, entry] : entries_) {
      if (entry.left.empty()) users[key_of(entry.hop)].push_back(address);
    }
    // Gateways first: clients are behind them.
    std::vector<Address> order(undecided_.begin(), undecided_.end());
    std::stable_partition(order.begin(), order.end(),
                          [&](Address each) { return gateways_.contains(each); });
    for (const Address address : order) decide(address, users, decision, now);
    for (const Address asked : settled_) entries_.at(asked).asked.reset();
    settled_.clear();
  }
  forget_old(now);
  for (const Address address : std::exchange(changed_, {})) {
    const NextHopSpec* const hop = find(address);
    decision.remember.emplace_back(address, hop == nullptr ? std::nullopt : std::optional(*hop));
  }
  return decision;
}

}  // namespace lb::controlplane
