// The last known links, IPv4 addresses and neighbours of the kernel. Pure: the monitor or a test
// updates it. Every update records what it changed until take_changes().
#pragma once

#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/netlink/model.h"

namespace lb::netlink {

using NeighbourKey = std::pair<int, Address>;  // link index, address

struct Changes {
  bool links = false;
  bool addresses = false;
  bool routes = false;       // some route or rule changed; routes must be queried again
  bool owned_route = false;  // one with the mark kOwner was removed
  bool all_neighbours = false;
  std::vector<NeighbourKey> neighbours;

  bool any() const {
    return links || addresses || routes || owned_route || all_neighbours || !neighbours.empty();
  }
};

class State {
 public:
  void put(Link link);  // times_started is kept here, whatever `link` says
  void remove_link(int index);
  void put(const InterfaceAddress& address);
  void remove(const InterfaceAddress& address);
  void put(const Neighbour& neighbour);
  void remove(const NeighbourKey& key);
  void note_route_change(bool owned_removed);

  // Replaces everything, from a dump. Links that are still there keep their count of starts.
  void replace(std::vector<Link> links, const std::vector<InterfaceAddress>& addresses,
               const std::vector<Neighbour>& neighbours);

  const std::map<int, Link>& links() const { return links_; }
  const Link* link(int index) const;
  const Link* link(std::string_view name) const;
  std::vector<InterfaceAddress> addresses(int index) const;
  const std::map<NeighbourKey, Neighbour>& neighbours() const { return neighbours_; }
  const Neighbour* neighbour(const NeighbourKey& key) const;

  Changes take_changes() { return std::exchange(changes_, {}); }

 private:
  std::map<int, Link> links_;
  std::map<int, std::vector<InterfaceAddress>> addresses_;
  std::map<NeighbourKey, Neighbour> neighbours_;
  Changes changes_;
};

}  // namespace lb::netlink
