// The parts of a snapshot that follow from ports: addresses, next hops, routes of sources. For
// build.cc; check() has accepted the specification.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/service/snapshot.h"

namespace lb {

// check() has refused all other addresses.
inline Ipv4Address ipv4(const Address& address) {
  return address.to_ipv4().value_or(Ipv4Address{});
}

// `ports` with what the specification says of them.
std::vector<PortInfo> ports_of(const SnapshotSpec& spec, std::vector<PortInfo> ports);
std::array<IngressPolicy, kMaxPorts> policies_of(const SnapshotSpec& spec,
                                                 const std::vector<PortInfo>& ports);
// Those of IPv4: others are of no packet that is forwarded.
SourceRoutes source_routes(const SnapshotSpec& spec, const std::vector<PortInfo>& ports);
NextHop next_hop(const NextHopSpec& spec, const std::vector<PortInfo>& ports,
                 std::optional<std::uint8_t> tos);

}  // namespace lb
