// What is known of the real servers and sorry servers: whether they are healthy, and the way to
// each. Owns their checks and their next hops; runs on the event loop.
//
// While the data plane is away, checks rest: its absence says nothing about a server. Nor does a
// port without link, so the servers behind it are left alone.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "config/model.h"
#include "controlplane/health/checker.h"
#include "controlplane/health_history.h"
#include "controlplane/netlink/requests.h"
#include "controlplane/netlink/state.h"
#include "controlplane/next_hops.h"
#include "controlplane/panic.h"
#include "controlplane/service/states.h"
#include "controlplane/snapshot_builder.h"
#include "controlplane/sync/check_words.h"
#include "controlplane/topology.h"

namespace boost::asio {
class io_context;
}

namespace lb::controlplane {

class Alerts;

class Servers {
 public:
  using Known = std::map<RealServerKey, RealServerState>;
  struct Events {
    // The data plane is to be told within this time, which may be 0.
    std::function<void(std::chrono::milliseconds within)> changed;
    // A real server went up or down.
    std::function<void()> transition;
    // As Failover::ask_peer(); also false without HA.
    std::function<bool(const sync::CheckKeys&, sync::OnCheckWords)> ask_peer;
  };

  // All that is handed in by reference outlives this.
  Servers(boost::asio::io_context& io, netlink::Requests& requests, const netlink::State& state,
          config::ConfigPtr config, ServiceStates& decisions, Alerts& alerts, Events events);

  // Takes over what a data plane that is older than this process runs; one that is new runs
  // nothing. Before this nothing is known, and after the first time nothing is done.
  void follow(const SnapshotSpec& running);
  bool following() const { return following_; }

  // Two steps of a change of the configuration: drop() before it, which takes out what `next` has
  // no more or checks in another way, and returns what is known of the servers that are;
  // configure() after it, when the other parts know it too.
  Known drop(const config::Config& next);
  void configure(config::ConfigPtr config, const Known& known);

  void start_checks();
  void stop_checks();
  bool checking() const { return checking_; }
  void on_kernel_change(const netlink::Changes& changes);

  // Clients' handshakes with it fail.
  void suspect(const std::string& service, Ipv4Endpoint vip, Ipv4Endpoint server) {
    checker_.hasten(service, vip, server);
  }

  // Whether a real server of the service is healthy and no operator has taken it out. One that the
  // panic guard holds is not: a peer that sees the servers is the better master.
  bool has_one_up(const std::string& service) const;
  // Every real server, at least once.
  bool all_checked();
  // What our own checks say, for the peer.
  sync::CheckWords words_on(const sync::CheckKeys& keys);
  health::State check_of(const config::Service& service, const config::RealServer& server) const;
  ServerHealth health_of(const config::Service& service, const config::RealServer& server) const;
  // For the snapshot: with what was decided.
  RealServerState state_of(const config::Service& service, const config::RealServer& server) const;
  ServiceInEffect in_effect(const config::Service& service) const;
  std::optional<NextHopSpec> next_hop_of(Mode mode, Ipv4Address server) const;
  // Complains, once, of one that mode "dr" cannot reach.
  void warn_of_gateway(const config::Service& service, Ipv4Address server);
  const health::Checker& checker() const { return checker_; }
  const Panic& panic() const { return panic_; }
  Result<std::string> believe_checks() { return panic_.believe(); }

 private:
  void add(const Known& known);
  void add_sorry_server(const config::Service& service, const Known& known);
  void remember(const Known& known);
  std::vector<TargetState> states_of_targets() const;
  void on_health_change(const health::Target& target, const health::State& state);
  void tell_first_results();
  std::vector<Panic::Held> held() const;
  void on_panic_change();
  sync::CheckWord word_on(const config::Service& service, const config::RealServer& server) const;
  void rest_cut_off_checks();
  bool is_cut_off(Ipv4Address server) const;

  const netlink::State& state_;
  config::ConfigPtr config_;
  ServiceStates& decisions_;
  Alerts& alerts_;
  Events events_;
  std::vector<Interface> interfaces_;
  NextHops next_hops_;
  health::Checker checker_;
  HealthHistory history_;
  Panic panic_;
  std::set<std::uint64_t> held_;  // targets, as the log has told
  boost::asio::steady_timer first_results_timer_;
  bool following_ = false;
  bool checking_ = false;
  bool all_checked_ = false;
  std::set<Ipv4Address> behind_gateway_;  // that must not be, and are complained of
};

}  // namespace lb::controlplane
