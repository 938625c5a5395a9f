// For the tests that build snapshots.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/service/build.h"
#include "dataplane/service/testing/spec.h"

namespace lb {

inline ServiceSpec service(std::uint32_t vip, std::initializer_list<std::uint32_t> servers,
                           OnServerDown on_server_down = OnServerDown::kReset) {
  ServiceSpec spec;
  spec.name = "s" + std::to_string(vip);
  spec.addresses = {{Ipv4Address::from_host(vip), 80, 80}};
  spec.on_server_down = on_server_down;
  for (const std::uint32_t address : servers) {
    RealServerSpec rs;
    rs.address = {Ipv4Address::from_host(address), 8080};
    rs.up = true;
    spec.real_servers.push_back(rs);
  }
  return spec;
}

inline SnapshotSpec spec_of(std::vector<ServiceSpec> services) {
  SnapshotSpec spec;
  spec.services = std::move(services);
  return spec;
}

inline std::unique_ptr<Snapshot> build(const SnapshotSpec& spec, const Snapshot* previous = nullptr,
                                       const std::set<std::uint32_t>& in_use = {},
                                       const std::vector<PortInfo>& ports = {}) {
  auto result = build_snapshot(spec, ports, previous,
                               [&](std::uint32_t slot) { return in_use.contains(slot); });
  EXPECT_TRUE(result) << result.error().message;
  return result ? std::move(*result) : nullptr;
}

}  // namespace lb
