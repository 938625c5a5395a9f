// High availability: decides who is master, and acts on it.
//
//   main loop                        |  failover thread (Engine)
//   configuration, servers, scripts -+-> Unit per group <- adverts (vrrp), interfaces (netlink),
//   snapshot: standby VIPs         <-+-  |                 sync link (heartbeats, table)
//   notify program, alerts, log    <-+-  +-> addresses, gratuitous ARP
//
// Adverts, the peer and the decision to take over have their own thread and loop, which the main
// loop cannot delay; the two exchange values, and neither waits for the other. That thread adds the
// addresses of a new master. The main loop later sends the data plane a snapshot in which the
// services are no longer standby.
//
// Mastership is gated: as long as our connection table is not complete, or not all real servers are
// checked, a master of lower priority is not preempted. The table does not count when the peer
// cannot be reached over the sync link, and the gate opens after gate_timeout in any case.
//
// Everything declared here runs on the main loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "config/base/result.h"
#include "config/model.h"
#include "controlplane/os/loop_beat.h"
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
struct ResourceAlert;

class Failover {
 public:
  // Called on the main loop.
  struct Host {
    std::function<void(std::set<Address> vips)> set_standby;  // of whose VIPs we are not master
    std::function<bool(const std::string& service)> has_server_up;
    std::function<bool()> all_servers_checked;  // at least once
    std::function<void(const HaEvent&)> transition;
    std::function<void(bool up, const std::string& why)> sync_link;
    std::function<void(const ResourceAlert&)> resource;
    // Adverts come from a router that may not take part. Not called for each of them.
    std::function<void(const std::string& instance, const std::string& text)> unknown_router;
    // An advert of the master came late, though before the takeover. Not called for each of them.
    std::function<void(const std::string& instance, const std::string& text)> late_advert;
    std::function<void(const std::string& text)> late_heartbeat;  // likewise, of the sync link
    std::function<sync::CheckOpinions(const sync::CheckKeys&)> check_opinions;  // our own checks'
  };

  // `io`: the main loop's.
  Failover(boost::asio::io_context& io, const config::Config& config, Host host);
  // Ends the thread; the addresses stay.
  ~Failover();
  Failover(const Failover&) = delete;
  Failover& operator=(const Failover&) = delete;

  // Starts the thread. Fails when the kernel's network cannot be watched, or the sync link's key
  // cannot be read.
  Result<void> start();
  // Of the thread.
  LoopBeat::Count beats() const;
  // Hands its masterships over, stops the resources, and waits for the notify program; calls
  // `waiting` with each of these once it has begun to wait for it.
  void leave(std::function<void(const std::string& what)> waiting, std::function<void()> done);
  // How much longer leave() may take because of resources.
  std::chrono::milliseconds stop_time() const;
  // Removes the addresses and ends the thread.
  void stop();

  // A new configuration, which differs only in what needs no restart.
  void configure(const config::Config& config);
  // Whether the data plane runs our configuration.
  void set_dataplane_ready(bool ready);
  // To be called when a service gets its first healthy server or loses its last one.
  void update_facts();

  // Queries the peer's own checks of at most kMaxCheckKeys real servers. False: not possible now.
  // Else `done` is called once or, when the link ends or another query follows, never.
  bool ask_peer(const sync::CheckKeys& keys, sync::OnCheckOpinions done);

  // `done` gets what was started, or why not; later.
  void command(const api::control::HaCommand& command,
               std::function<void(Result<std::string>)> done);
  // `done` gets a Status with vips, ha and sync; later.
  void fill_status(std::function<void(const api::control::Status&)> done) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
