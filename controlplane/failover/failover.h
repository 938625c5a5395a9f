// High availability: who is master, and what follows from it.
//
//   main loop                        |  failover thread (Engine)
//   configuration, servers, scripts -+-> Unit per group <- adverts (vrrp), interfaces (netlink),
//   snapshot: whose opinion counts <-+-  |                 sync link (heartbeats, table)
//   notify program, alerts, log    <-+-  +-> addresses, gratuitous ARP
//
// Adverts, the peer and the decision to take over have a thread with a loop of their own, which no
// work of the main loop can hold up; the two exchange values, and neither waits for the other. The
// addresses of a new master are put up by that thread. What the main loop adds when it comes to it
// is the data plane's snapshot, in which the services are no longer a standby's.
//
// Mastership is gated: as long as our connection table is not complete, or the real servers have
// not all been checked, a master of lower priority is left alone; the table is not waited for when
// the peer cannot be reached over the sync link, and nothing is for longer than gate_timeout.
//
// Everything declared here belongs to the main loop.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "config/base/result.h"
#include "config/model.h"
#include "controlplane/sync/check_opinions.h"

namespace boost::asio {
class io_context;
}

namespace lb::api::control {
class HaCommand;
class Status;
}  // namespace lb::api::control

namespace lb::controlplane {

struct HaEvent;

class Failover {
 public:
  // Called on the main loop.
  struct Host {
    std::function<void(std::set<Address> vips)> set_standby;  // of whose VIPs we are not master
    std::function<bool(const std::string& service)> has_server_up;
    std::function<bool()> all_servers_checked;  // at least once
    std::function<void(const HaEvent&)> transition;
    std::function<void(bool up, const std::string& why)> sync_link;
    std::function<sync::CheckOpinions(const sync::CheckKeys&)> check_opinions;  // our own checks'
  };

  // `io`: the main loop's.
  Failover(boost::asio::io_context& io, const config::Config& config, Host host);
  // Ends the thread; the addresses stay.
  ~Failover();
  Failover(const Failover&) = delete;
  Failover& operator=(const Failover&) = delete;

  // Starts the thread. Fails when the kernel's network cannot be watched, or the sync link's key
  // not be read.
  Result<void> start();
  // Hands over what this director is master of, waits for the notify program; then calls back.
  void leave(std::function<void()> done);
  // Takes the addresses away and ends the thread.
  void stop();

  // Another configuration, which differs in what needs no restart alone.
  void configure(const config::Config& config);
  // Whether the data plane runs our configuration.
  void set_dataplane_ready(bool ready);
  // A service has got or lost its last server.
  void update_facts();

  // Asks what the peer's own checks say of at most kMaxCheckKeys real servers. False: it cannot be
  // asked now. Else `done` is called once or, when the link goes or another question comes, never.
  bool ask_peer(const sync::CheckKeys& keys, sync::OnCheckOpinions done);

  // `done` gets what was begun, or why not; later.
  void command(const api::control::HaCommand& command,
               std::function<void(Result<std::string>)> done);
  // `done` gets a Status with vips, ha and sync; later.
  void fill_status(std::function<void(const api::control::Status&)> done) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
