#include "controlplane/failover/peer_groups.h"

#include <algorithm>
#include <utility>

#include "config/base/address.h"
#include "controlplane/sync/sync.pb.h"

namespace lb::controlplane {
namespace {

constexpr std::uint32_t kMaxStopMs = 24 * 3'600'000;  // a lease ends some day

// IPv4, as VRRP here.
std::optional<Ipv4Address> address_of(const std::string& bytes) {
  const auto address = address_from_bytes(bytes);
  return address ? address->to_ipv4() : std::nullopt;
}

// nullopt: malformed.
std::optional<vrrp::Peer> vrrp_of(const lb::sync::Group& group) {
  const auto address = address_of(group.address());
  if (!address || group.state() > 3 || group.priority() > 255) return std::nullopt;
  vrrp::Peer peer{true,
                  static_cast<vrrp::State>(group.state()),
                  {group.health(), static_cast<std::uint8_t>(group.priority()), *address},
                  group.without_adverts()};
  for (const std::string& bytes : group.addresses()) {
    const auto each = address_of(bytes);
    if (!each) return std::nullopt;
    peer.addresses.push_back(*each);
  }
  return peer;
}

// nullopt: malformed.
std::optional<PeerGroup> peer_of(const lb::sync::Group& group) {
  auto vrrp = vrrp_of(group);
  if (!vrrp || group.peer_state() > 3 || !lb::sync::Group::Programs_IsValid(group.programs())) {
    return std::nullopt;
  }
  return PeerGroup{std::move(*vrrp), static_cast<vrrp::State>(group.peer_state()),
                   static_cast<Programs>(group.programs()),
                   std::chrono::milliseconds(std::min(group.stop_ms(), kMaxStopMs))};
}

}  // namespace

std::optional<PeerGroups> peer_groups(const lb::sync::Heartbeat& heartbeat) {
  PeerGroups groups;
  for (const lb::sync::Group& group : heartbeat.groups()) {
    auto peer = peer_of(group);
    if (!peer) return std::nullopt;
    groups[group.name()] = std::move(*peer);
  }
  return groups;
}

}  // namespace lb::controlplane
