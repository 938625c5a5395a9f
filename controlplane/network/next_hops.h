// Keeps the next hops of the real servers up to date: queries the kernel's route to each, follows
// the MACs of neighbours, and refreshes idle neighbours. Runs on the event loop; work that grows
// with the number of servers is done in slices.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "controlplane/netlink/requests.h"
#include "controlplane/netlink/state.h"
#include "controlplane/network/next_hop_table.h"
#include "controlplane/network/topology.h"

namespace boost::asio {
class io_context;
}

namespace lb::controlplane {

class NextHops {
 public:
  struct Events {
    std::function<void()> changed;  // find() of some destination may have
    // A neighbour has another MAC address. Not called for each of many moves.
    std::function<void(const Address& neighbour, const std::string& text)> moved;
  };
  // `requests` and `state` must outlive this.
  NextHops(boost::asio::io_context& io, netlink::Requests& requests, const netlink::State& state,
           std::span<const Interface> interfaces, Events events);
  ~NextHops();

  // A destination to follow; `last_known` is what the data plane uses already, if anything.
  void add(Address destination, std::optional<NextHopSpec> last_known);
  void remove(Address destination);
  // The configuration has other ones: all routes are queried again.
  void set_interfaces(std::span<const Interface> interfaces);
  // Neighbours whose MAC is configured: what the kernel learns about them does not count.
  void set_fixed(std::map<Address, MacAddress> fixed);
  // The destination does not answer: perhaps its MAC, or its gateway's, has changed. The kernel
  // alone would need up to a minute to notice.
  void reverify(Address destination);
  // Call it with every change that the monitor reports.
  void on_change(const netlink::Changes& changes);

  const NextHopTable& table() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
