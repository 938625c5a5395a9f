// The part of Failover that must be on time: adverts, the peer, the decision who is master, and its
// addresses. Everything here runs on the failover thread, which never blocks; only the constructor
// and start() run before the thread does.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/base/interface_query.h"
#include "config/base/result.h"
#include "controlplane/failover/notifier.h"
#include "controlplane/failover/peer_link.h"
#include "controlplane/failover/settings.h"
#include "controlplane/failover/unit.h"
#include "controlplane/failover/vips.h"
#include "controlplane/netlink/monitor.h"
#include "controlplane/netlink/requests.h"

namespace lb::api::control {
class HaCommand;
class Status;
}  // namespace lb::api::control

namespace lb::controlplane {

// A handover of mastership to the peer: flush, request, resign, wait for its answer.
struct Handover {
  std::set<std::string> groups;  // not yet taken by the peer
  Unit::Clock::time_point begun;
  std::string reason;
};

// The last planned switchover that was started here.
struct HandoverOutcome {
  std::string groups;
  bool over = false;
  bool done = false;
  std::string text;
  std::chrono::milliseconds took{0};
};

class Engine : public std::enable_shared_from_this<Engine> {
 public:
  // Called on the failover thread: they must return at once.
  struct Events {
    std::function<void(std::set<Address> vips)> standby;  // of whose VIPs we are not master
    std::function<void(const HaEvent&)> transition;
    // `answers`: the peer answers questions about health checks.
    std::function<void(bool up, const std::string& why)> sync_link;
    std::function<void(const ResourceViews&)> resources;  // of groups that have some
    std::function<void(const std::string& instance, const std::string& text)> unknown_router;
    std::function<void(const std::string& instance, const std::string& text)> late_advert;
    std::function<void(const std::string& text)> late_heartbeat;
    std::function<void(const std::string& director, const lb::sync::Services&)> peer_services;
    // Results of our own checks; `done` is called on the failover thread.
    std::function<void(const sync::CheckKeys&, sync::OnCheckOpinions done)> check_opinions;
  };

  Engine(boost::asio::io_context& io, SettingsPtr settings, Facts facts, Events events);

  // Fails when the kernel's network cannot be watched, or the sync link's key cannot be read.
  Result<void> start();
  // Removes the VIPs; they are not added again.
  void stop();

  void configure(SettingsPtr settings);
  void set_facts(Facts facts);
  void set_dataplane_ready(bool ready);
  void ask_peer(const sync::CheckKeys& keys, sync::OnCheckOpinions done);

  // What was started, or why not.
  Result<std::string> command(const api::control::HaCommand& command);
  // Hands its masterships over, then resigns; then calls back.
  void leave(std::function<void()> done);
  // Status.vips, ha and sync.
  void fill_status(api::control::Status& status) const;

 private:
  using Clock = Unit::Clock;

  // engine.cc
  void make_units();
  void add_unit(const std::string& name, const std::vector<const config::HaInstance*>& instances);
  Result<void> make_peer();
  void on_kernel_change();
  void update_units();
  bool works(const netlink::Link& link) const;
  bool failing(const config::HaTrack& track) const;
  std::optional<Ipv4Address> first_address(const std::string& interface) const;
  void on_transition(Unit& unit, vrrp::State from, vrrp::State to, const std::string& reason);
  void apply_roles();
  void announce(const Unit& unit);
  void fill_beat(lb::sync::Heartbeat& beat) const;
  void reply_to_master();
  void on_peer_update();
  std::chrono::milliseconds gate_timeout() const;
  std::string closed_gate() const;  // why it is closed; empty: it is open
  void update_gate();
  void tick();
  Unit* find(const std::string& group);

  // resource_views.cc
  void update_resources();
  ResourceView::Peer peer_programs(const Unit& unit) const;
  Programs programs(const Unit& unit) const;

  // handover.cc
  Result<std::string> switchover(const std::set<std::string>& groups, const std::string& reason);
  std::string switchover_error(const Unit& unit) const;  // why there can be none; empty: it can
  void give(bool flushed);
  void take_back(const std::string& why);
  void on_switchover(const lb::sync::Switchover& message);
  void end_handover(bool done, const std::string& text);

  // status.cc
  void fill_unit(const Unit& unit, api::control::Status& status) const;

  boost::asio::io_context& io_;
  SettingsPtr settings_;
  Facts facts_;
  const Events events_;
  std::optional<netlink::Requests> requests_;
  std::optional<netlink::Monitor> monitor_;
  const InterfaceQuery query_;
  std::optional<Vips> vips_;
  std::unique_ptr<PeerLink> peer_;  // null without [ha.sync]
  std::vector<std::unique_ptr<Unit>> units_;
  std::map<const Unit*, Clock::time_point> announced_;
  ResourceViews resources_;                     // as last sent to the main loop
  std::map<const Unit*, bool> peer_is_master_;  // as the peer was informed that we know
  std::deque<HaEvent> history_;
  boost::asio::steady_timer ticker_;
  const Clock::time_point started_ = Clock::now();
  Clock::time_point gate_closed_at_ = started_;
  Clock::time_point refreshed_ = started_;

  std::optional<Handover> handover_;
  boost::asio::steady_timer handover_timer_;
  std::optional<HandoverOutcome> last_handover_;
  std::function<void()> leaving_;
};

}  // namespace lb::controlplane
