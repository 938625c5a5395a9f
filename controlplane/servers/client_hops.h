// Lets the connections to clients follow the kernel's neighbours: when the MAC address of a router
// or of a client on the local network changes, tells the data plane where its connections go now.
// HopHistory decides; the data plane remembers what it knows for the next control plane. Runs on
// the event loop.
#pragma once

#include <functional>
#include <memory>

#include "config/model.h"
#include "controlplane/netlink/requests.h"
#include "controlplane/netlink/state.h"

namespace boost::asio {
class io_context;
}

namespace lb::controlplane {

class DataplaneClient;

class ClientHops {
 public:
  // The references outlive this.
  ClientHops(boost::asio::io_context& io, DataplaneClient& dataplane, netlink::Requests& requests,
             const netlink::State& state, const config::Config& config);
  ~ClientHops();

  void configure(const config::Config& config);
  // Call it with every change that the monitor reports.
  void on_change(const netlink::Changes& changes);
  void on_connected();
  void on_disconnected();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
