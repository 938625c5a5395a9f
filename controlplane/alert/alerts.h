// Reports every transition to operators, by script and by mail, in order. The rest of the control
// plane calls it on every event; what is a transition is decided here. Runs on the event loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/base/result.h"
#include "config/model.h"

namespace boost::asio {
class io_context;
}

namespace lb::api::control {
class AlertRequest;
class AlertStatus;
}  // namespace lb::api::control

namespace lb::controlplane {

class Inventory;
struct RealServer;
struct Service;

class Alerts {
 public:
  Alerts(boost::asio::io_context& io, const config::Config& config);
  ~Alerts();
  Alerts(const Alerts&) = delete;
  Alerts& operator=(const Alerts&) = delete;

  // A new configuration, which the inventory has adopted. Queued mail stays in the queue.
  void configure(Inventory& inventory);

  // A server's state as it was found at the start: no transition.
  void adopt_server(RealServer& server, bool up);
  // Each may be called again with the same state: that is no transition.
  void server(RealServer& server, bool up, const std::string& reason);
  void quorum(Service& service, bool reached, const std::string& reason);
  void ha(const std::string& instance, const std::string& from, const std::string& to,
          const std::string& reason);
  // A VRRP router that may not take part sends adverts for the instance.
  void unknown_router(const std::string& instance, const std::string& reason);
  // An advert of the instance's master came late.
  void late_advert(const std::string& instance, const std::string& reason);
  // A program of [[ha.resource]]: "failed", "restarted", "recovered", "stop failed", "stopped",
  // "waiting".
  void resource(const std::string& name, const std::string& state, const std::string& reason);
  // A neighbour that packets are sent to has another MAC address.
  void next_hop_moved(const std::string& address, const std::string& reason);
  void sync_link(bool up, const std::string& reason);
  // A heartbeat of the peer came late, though the link is up.
  void late_heartbeat(const std::string& reason);
  void dataplane(bool connected, const std::string& reason);
  void panic(bool begun, const std::string& reason);
  // Packets for the kernel of this class are dropped on the port, or are not any more.
  void punt(const std::string& port, const std::string& kind, bool dropping,
            const std::string& reason);
  // Connections end to make room in the connection table, or (`full`) none that may end is left and
  // new ones are refused; or that is over.
  void table(bool full, bool begun, const std::string& reason);
  // The SYN proxy of a service answers SYNs because of a flood, or does not any more.
  void syn_proxy(const std::string& service, bool begun, const std::string& reason);

  // The answers for `lbcli alert test` and `lbcli show alert`.
  Result<void> answer(const api::control::AlertRequest& request, api::control::AlertStatus& status);
  // Gives script and mail some seconds to finish, then calls back. Unsent mail stays on disk.
  void leave(std::function<void()> done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
