// Keeps the kernel's interfaces as configured: up, with their MTU and settings, their addresses,
// VLANs, VIPs, routes and the neighbours with a configured MAC address. Every change by others is corrected when the kernel reports it; an
// interface that disappears with the data plane and comes back gets everything again. The addresses
// of HA instances belong to failover/vips.h. Runs on the main loop.
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
  // `requests` and `state` must outlive this.
  Interfaces(boost::asio::io_context& io, netlink::Requests& requests, const netlink::State& state,
             const config::Config& config);
  ~Interfaces();

  // Call it with every change that the monitor reports.
  void on_change(const netlink::Changes& changes);
  // A new configuration: removes and adds addresses and routes in this call.
  void configure(const config::Config& config);
  // Removes all VIPs at once; they are not added again. Addresses of the ports stay: operators may
  // need them to reach the machine.
  void withdraw_vips();

  // Removes the neighbours with configured MAC addresses; they are not set again.
  void release_neighbours();

  // Every interface exists and can carry packets.
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
