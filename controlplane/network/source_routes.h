// Where packets of which networks are expected: on the interfaces that have them, and those that
// routes to them lead through.
#pragma once

#include <vector>

#include "controlplane/netlink/requests.h"
#include "controlplane/netlink/state.h"
#include "controlplane/network/topology.h"
#include "dataplane/api/snapshot_spec.h"

namespace lb::controlplane {

// `by_default`: the interface that the kernel's default route leads through, which is of another
// program perhaps; null: none of ours, or not known. Pure.
std::vector<SourceRouteSpec> source_routes_of(const config::Config& config,
                                              const Interface* by_default);

// The same, with the kernel's default route. Event loop.
class SourceRoutes {
 public:
  // The references outlive this.
  SourceRoutes(netlink::Requests& requests, const netlink::State& state)
      : requests_(requests), state_(state) {}

  // Asks the kernel. Returns whether they have changed. Call it when the configuration, links,
  // addresses or routes have.
  bool refresh(const config::Config& config);
  const std::vector<SourceRouteSpec>& routes() const { return routes_; }

 private:
  netlink::Requests& requests_;
  const netlink::State& state_;
  std::vector<SourceRouteSpec> routes_;
};

}  // namespace lb::controlplane
