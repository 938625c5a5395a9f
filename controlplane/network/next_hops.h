// Keeps the next hops of the real servers true: asks the kernel which way leads to each, follows
// its neighbours' MACs as they change, and keeps the neighbours that nobody talks to from falling
// asleep. Runs on the event loop; work that grows with the number of servers is done in slices.
#pragma once

#include <functional>
#include <memory>
#include <span>

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
  // `on_change`: find() of some destination may give something else now. `requests` and `state`
  // outlive this.
  NextHops(boost::asio::io_context& io, netlink::Requests& requests, const netlink::State& state,
           std::span<const Interface> interfaces, std::function<void()> on_change);
  ~NextHops();

  // A destination to follow; `last_known` is what the data plane uses already, if anything.
  void add(Address destination, std::optional<NextHopSpec> last_known);
  void remove(Address destination);
  // The configuration has other ones now: every way is asked for anew.
  void set_interfaces(std::span<const Interface> interfaces);
  // The destination does not answer: perhaps its MAC, or its gateway's, is another now, which the
  // kernel by itself would find out within a minute.
  void reverify(Address destination);
  // To be called with every change that the monitor reports.
  void on_change(const netlink::Changes& changes);

  const NextHopTable& table() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
