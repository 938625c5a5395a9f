// High availability: who is master, and what follows from it.
//
//   vrrp (adverts) ---------------+                    +--> Interfaces: VIPs, gratuitous ARP
//   interfaces, services, scripts +--> Unit per group -+--> snapshot: whose word on connections
//   counts sync link (heartbeats, table) +                    +--> notify program, log
//
// Mastership is gated: as long as our connection table is not complete, or the real servers have
// not all been checked, a master of lower priority is left alone; the table is not waited for when
// the peer cannot be reached over the sync link, and nothing is for longer than gate_timeout. Runs
// on the event loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/base/result.h"
#include "config/model.h"
#include "controlplane/netlink/state.h"
#include "controlplane/sync/check_words.h"
#include "controlplane/topology.h"

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
  struct Host {
    std::function<void(std::vector<Vip> up, std::vector<Vip> undecided)> set_vips;
    std::function<void(const Vip&)> announce;
    std::function<void(std::set<Ipv4Address> vips)> set_standby;  // of whose VIPs we are not master
    std::function<bool(const std::string& service)> has_server_up;
    std::function<bool()> all_servers_checked;  // at least once
    std::function<void(const HaEvent&)> transition;
    std::function<void(bool up, const std::string& why)> sync_link;
    std::function<sync::CheckWords(const sync::CheckKeys&)> check_words;  // our own checks'
  };

  // `state` outlives this.
  Failover(boost::asio::io_context& io, config::ConfigPtr config, const netlink::State& state,
           Host host);
  ~Failover();
  Failover(const Failover&) = delete;
  Failover& operator=(const Failover&) = delete;

  // Fails when the sync link's key cannot be read.
  Result<void> start();
  // Hands over what this director is master of, waits for the notify program; then calls back.
  void leave(std::function<void()> done);

  // Another configuration, with the same instances.
  void configure(config::ConfigPtr config);
  // Whether the data plane runs our configuration.
  void set_dataplane_ready(bool ready);
  // The kernel's interfaces or addresses have changed, or a service has got or lost its last
  // server.
  void look();

  // As Peer::ask().
  bool ask_peer(const sync::CheckKeys& keys, sync::OnCheckWords done);

  // What was begun, or why not.
  Result<std::string> command(const api::control::HaCommand& command);
  void fill_status(api::control::Status& status) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
