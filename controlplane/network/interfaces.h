// Keeps the kernel's interfaces as the configuration wants them: up, with their MTU and settings,
// their addresses, VLANs, VIPs and routes. Whatever changes, by whom ever, is put right when the
// kernel tells of it; an interface that vanishes with the data plane and comes back gets everything
// again. The addresses of HA instances are left alone: they are failover's (failover/vips.h). Runs
// on the main loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/model.h"
#include "controlplane/netlink/requests.h"
#include "controlplane/netlink/state.h"
#include "controlplane/network/topology.h"

namespace boost::asio {
class io_context;
}

namespace lb::controlplane {

class Interfaces {
 public:
  // `requests` and `state` outlive this.
  Interfaces(boost::asio::io_context& io, netlink::Requests& requests, const netlink::State& state,
             const config::Config& config);
  ~Interfaces();

  // To be called with every change that the monitor reports.
  void on_change(const netlink::Changes& changes);
  // Another configuration: what it has no more goes, what is new comes, in this call.
  void configure(const config::Config& config);
  // Takes all VIPs away, at once and for good. Addresses of the ports stay: they are how an
  // operator gets at the machine.
  void withdraw_vips();

  // Every interface is there and can carry packets.
  bool complete() const;
  struct VipStatus {
    Vip vip;
    bool present = false;
  };
  std::vector<VipStatus> vips() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
