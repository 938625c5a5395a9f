// The neighbour that leads to each real server, and that neighbour's MAC. Pure: the caller passes
// routes and neighbours as the kernel reports them.
//
// The last known next hop is kept until a new one is known: a neighbour that stops answering, a
// lost route or a gateway whose MAC is not known yet changes nothing. The health check decides
// whether a server is used, and packets to the last known next hop do no harm.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "config/base/address.h"
#include "dataplane/api/snapshot_spec.h"

namespace lb::controlplane {

// A neighbour on one of the data plane's ports.
struct Via {
  std::string port;
  std::uint16_t vlan = 0;
  Address address;  // of the gateway, or of the destination itself

  auto operator<=>(const Via&) const = default;
};

class NextHopTable {
 public:
  // `last_known`: what the data plane uses already, if anything.
  void add(Address destination, std::optional<NextHopSpec> last_known);
  void remove(Address destination);

  // The route to a destination; nullopt: none over our ports. True when find() changed.
  bool set_route(Address destination, std::optional<Via> via);
  // The MAC of a neighbour. True when find() of some destination changed.
  bool set_mac(const Via& via, const MacAddress& mac);

  std::optional<NextHopSpec> find(Address destination) const;
  // The last route from set_route().
  std::optional<Via> route(Address destination) const;
  // Whether the destination is reached without a gateway, as DR mode needs.
  bool direct(Address destination) const;

  // Every neighbour that leads to a destination.
  struct Neighbour {
    std::set<Address> users;
    std::optional<MacAddress> mac;  // the last one from set_mac()
  };
  const std::map<Via, Neighbour>& neighbours() const { return neighbours_; }
  std::set<Address> destinations() const;

 private:
  struct Destination {
    std::optional<Via> via;
    std::optional<NextHopSpec> next_hop;
  };

  void unlink(Address destination, const Via& via);

  std::map<Address, Destination> destinations_;
  std::map<Via, Neighbour> neighbours_;
};

}  // namespace lb::controlplane
