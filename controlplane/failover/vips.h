// The addresses of HA instances on the kernel's interfaces: put up and announced by gratuitous ARP
// while their group is master, taken away when it is not. What others undo is put right. Those of
// services without an HA instance are controlplane/interfaces'. Runs on the failover thread, with
// netlink sockets of its own: taking over waits for nobody.
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
  // `requests` and `state` outlive this.
  Vips(boost::asio::io_context& io, netlink::Requests& requests, const netlink::State& state,
       const Settings& settings);
  ~Vips();

  // The interfaces' own addresses are others.
  void configure(const std::vector<Interface>& interfaces);
  // To be called when links or addresses have changed.
  void on_change();
  // What is new in `up` is announced, what is in neither goes away, in this call. `undecided` ones
  // stay as they are: up if a previous life of this process has put them up, else down.
  void set(std::vector<Vip> up, std::vector<Vip> undecided);
  // Gratuitous ARP for a VIP that is up, once more.
  void announce(const Vip& vip);
  // Takes all away, at once and for good.
  void withdraw();

  struct Status {
    Vip vip;
    bool present = false;
  };
  std::vector<Status> status() const;  // of those that are to be up

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
