// The addresses of HA instances on the kernel's interfaces: added and announced by gratuitous ARP
// while their group is master, removed when it is not. What others remove is added again. Services
// without an HA instance: network/interfaces.h. Runs on the failover thread, with its own netlink
// sockets: a takeover never waits for another thread.
#pragma once

#include <memory>
#include <vector>

#include "controlplane/failover/settings.h"
#include "controlplane/netlink/requests.h"
#include "controlplane/netlink/state.h"
#include "controlplane/network/topology.h"

namespace boost::asio {
class io_context;
}

namespace lb::controlplane {

class Vips {
 public:
  // `requests` and `state` must outlive this.
  Vips(boost::asio::io_context& io, netlink::Requests& requests, const netlink::State& state,
       const Settings& settings);
  ~Vips();

  // The interfaces' own addresses changed.
  void configure(const std::vector<Interface>& interfaces);
  // Call it when links or addresses have changed.
  void on_change();
  // What is new in `up` is announced, what is in neither is removed, in this call. `undecided` ones
  // stay as they are: up if a previous process has added them, else down.
  void set(std::vector<Vip> up, std::vector<Vip> undecided);
  // Gratuitous ARP for a VIP that is up, once more.
  void announce(const Vip& vip);
  // Removes all at once; they are not added again.
  void withdraw();

  struct Status {
    Vip vip;
    bool present = false;
  };
  std::vector<Status> status() const;  // of those that should be up

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
