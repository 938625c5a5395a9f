// Follows the real servers and sorry servers of the inventory: writes their health and their next
// hops into it. Owns their checks and their next hops; runs on the event loop.
//
// While the data plane is away, checks are paused: its absence says nothing about a server. Nor
// does a port without link, so the checks of the servers behind it are paused too.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/base/log_limit.h"
#include "controlplane/health/checker.h"
#include "controlplane/netlink/requests.h"
#include "controlplane/netlink/state.h"
#include "controlplane/network/next_hops.h"
#include "controlplane/network/topology.h"
#include "controlplane/servers/health_history.h"
#include "controlplane/servers/panic.h"
#include "controlplane/service/inventory.h"
#include "controlplane/sync/check_opinions.h"
#include "dataplane/api/snapshot_spec.h"

namespace boost::asio {
class io_context;
}

namespace lb::controlplane {

class Alerts;
struct Running;

class Servers {
 public:
  struct Events {
    // The data plane needs a new snapshot within this time, which may be 0.
    std::function<void(std::chrono::milliseconds within)> changed;
    // A real server went up or down.
    std::function<void()> transition;
    // As Failover::ask_peer(); also false without HA.
    std::function<bool(const sync::CheckKeys&, sync::OnCheckOpinions)> ask_peer;
  };

  // The references must outlive this.
  Servers(boost::asio::io_context& io, FileWriter& writer, netlink::Requests& requests,
          const netlink::State& state, Inventory& inventory, Alerts& alerts, Events events);

  // Adopts the snapshot of a data plane that started before this process; a new one has none.
  // Before this nothing is known; only the first call has an effect.
  void follow(const SnapshotSpec& running);
  bool following() const { return following_; }

  // The inventory has adopted another configuration.
  void configure(const Inventory::Adopted& adopted);

  void start_checks();
  void stop_checks();
  bool checking() const { return checking_; }
  void on_kernel_change(const netlink::Changes& changes);

  // Clients' handshakes with it fail: its check runs early.
  void suspect(RealServerId id) { checker_.hasten(id); }

  // Writes the next hops; logs, once, servers that mode "dr" cannot reach.
  void find_next_hops();

  // Whether a real server of the service is healthy and no operator has taken it out. A held one
  // does not count: a peer that reaches the servers is the better master.
  bool has_one_up(const std::string& service) const;
  // Every real server, at least once.
  bool all_checked();
  // The results of our own checks, for the peer.
  sync::CheckOpinions opinions_on(const sync::CheckKeys& keys);
  const health::Checker& checker() const { return checker_; }
  const Panic& panic() const { return panic_; }
  Result<std::string> release_held() { return panic_.release_held(); }

 private:
  void add(RealServer& server, const Running& running);
  void change(RealServer& server);
  void forget(const Inventory::Adopted& adopted);
  void restore(const Running& running);
  void on_health_change(RealServer& server);
  void on_weight_change(RealServer& server);
  void report_first_results();
  void on_panic_change();
  sync::CheckOpinion opinion_on(const RealServer& server) const;
  void pause_cut_off_checks();
  bool is_cut_off(Address server) const;
  std::optional<NextHopSpec> next_hop_of(Mode mode, Address server) const;
  void warn_of_gateway(const RealServer& server);

  const netlink::State& state_;
  Inventory& inventory_;
  Alerts& alerts_;
  Events events_;
  std::vector<Interface> interfaces_;
  NextHops next_hops_;
  health::Checker checker_;
  HealthHistory history_;
  Panic panic_;
  boost::asio::steady_timer first_results_timer_;
  bool following_ = false;
  bool checking_ = false;
  bool all_checked_ = false;
  std::set<Address> behind_gateway_;  // that must not be, and are logged
  LogLimit gateways_{5};
};

}  // namespace lb::controlplane
